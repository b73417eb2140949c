import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from app.core import queue as queue_module
from app.core.database import AccountId, Database
from app.core.queue import MAX_ATTEMPTS, Job, JobName, JobQueue
from app.domain.errors import STORAGE, NothingToForecast, Unavailable


class Undone(Exception):
    pass


def never(job: Job, error: BaseException | None) -> None:
    raise AssertionError((job, error))


def work(
    queue: JobQueue, handler: Callable[[Job], None], *, give_up: Callable[..., None] = never, at_once: int = 1
) -> None:
    handlers = {JobName.PREPARE: handler, JobName.FORECAST: handler}
    queue.work(handlers, give_up=give_up, concurrency=at_once, until_idle=True)


def test_a_job_is_born_with_its_transaction_and_dies_with_it(
    queue: JobQueue, database: Database, account: AccountId
) -> None:
    kept, lost = (Job(account, uuid4(), uuid4()) for _ in range(2))
    with database.session(account) as session:
        queue.enqueue(session, JobName.PREPARE, kept)
    with pytest.raises(Undone), database.session(account) as session:
        _enqueue_and_fail(queue, session, lost)
    seen: list[Job] = []
    work(queue, seen.append)
    assert seen == [kept]


def test_jobs_of_one_company_never_overlap_and_keep_their_order(
    queue: JobQueue, database: Database, account: AccountId
) -> None:
    company = uuid4()
    jobs = [Job(account, company, uuid4()) for _ in range(5)]
    with database.session(account) as session:
        for job in jobs:
            queue.enqueue(session, JobName.PREPARE, job)
    done: list[Job] = []
    alone = threading.Lock()

    def handler(job: Job) -> None:
        assert alone.acquire(blocking=False), "two jobs of one company at once"
        time.sleep(0.02)
        done.append(job)
        alone.release()

    work(queue, handler, at_once=3)
    assert done == jobs


def test_our_own_errors_are_final_at_once(queue: JobQueue, database: Database, account: AccountId) -> None:
    job = Job(account, uuid4(), uuid4())
    with database.session(account) as session:
        queue.enqueue(session, JobName.PREPARE, job)
    given_up: list[tuple[Job, str]] = []

    def handler(_: Job) -> None:
        raise NothingToForecast

    work(queue, handler, give_up=lambda lost, error: given_up.append((lost, type(error).__name__)))
    assert given_up == [(job, "NothingToForecast")]


@pytest.mark.parametrize("error", [OSError("the disk is full"), Unavailable(part=STORAGE, where="S3")])
def test_an_error_that_may_pass_is_tried_again_and_then_given_up(
    queue: JobQueue, database: Database, account: AccountId, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(queue_module, "_PAUSES_S", (0, 0, 0))
    job = Job(account, uuid4(), uuid4())
    with database.session(account) as session:
        queue.enqueue(session, JobName.PREPARE, job)
    tries: list[Job] = []
    given_up: list[Job] = []

    def handler(tried: Job) -> None:
        tries.append(tried)
        raise error

    for _ in range(MAX_ATTEMPTS + 2):
        work(queue, handler, give_up=lambda lost, _: given_up.append(lost))
    assert tries == [job] * MAX_ATTEMPTS
    assert given_up == [job]


def _enqueue_and_fail(queue: JobQueue, session: Session, job: Job) -> None:
    queue.enqueue(session, JobName.PREPARE, job)
    raise Undone


DYING_WORKER = """
import sys, time
from app.core import queue
queue._HEARTBEAT_S, queue._LOST_AFTER_S = 0.2, 1.0
def hang(job):
    print("begun", flush=True)
    time.sleep(600)
queue.JobQueue(sys.argv[1]).work(
    {queue.JobName.PREPARE: hang}, give_up=lambda job, error: None, concurrency=1
)
"""


def test_a_job_whose_worker_was_killed_is_done_by_another(
    queue: JobQueue, application_url: str, database: Database, account: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(account, uuid4(), uuid4())
    with database.session(account) as session:
        queue.enqueue(session, JobName.PREPARE, job)
    command = [sys.executable, "-c", DYING_WORKER, application_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"begun\n"
        dying.kill()
    monkeypatch.setattr(queue_module, "_HEARTBEAT_S", 0.2)
    monkeypatch.setattr(queue_module, "_LOST_AFTER_S", 1.0)
    monkeypatch.setattr(queue_module, "_SWEEP_EVERY", "* * * * * *")
    seen: list[Job] = []

    def handler(again: Job) -> None:
        seen.append(again)
        os.kill(os.getpid(), signal.SIGTERM)  # as an operator would: the worker ends after this job

    queue.work({JobName.PREPARE: handler}, give_up=never, concurrency=1)
    assert seen == [job]


def test_housekeeping_that_waits_for_long_jobs_stops_no_worker(
    queue: JobQueue, database: Database, account: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "_SWEEP_EVERY", "* * * * * *")
    jobs = [Job(account, uuid4(), uuid4()) for _ in range(4)]
    with database.session(account) as session:
        for job in jobs:
            queue.enqueue(session, JobName.PREPARE, job)
    done: list[Job] = []

    def handler(job: Job) -> None:
        time.sleep(2.2)  # every place is taken for two of the sweep's turns
        done.append(job)
        if len(done) == len(jobs):
            os.kill(os.getpid(), signal.SIGTERM)

    queue.work({JobName.PREPARE: handler}, give_up=never, concurrency=1)
    assert sorted(done) == sorted(jobs)


@pytest.mark.parametrize(("cron", "rounds"), [("_HOURLY", "every_hour"), ("_NIGHTLY", "every_night")])
def test_a_worker_makes_its_rounds(queue: JobQueue, monkeypatch: pytest.MonkeyPatch, cron: str, rounds: str) -> None:
    monkeypatch.setattr(queue_module, cron, "* * * * * *")
    made: list[str] = []

    def go() -> None:
        made.append(rounds)
        os.kill(os.getpid(), signal.SIGTERM)

    queue.work({}, give_up=never, concurrency=1, **{rounds: go})  # type: ignore[arg-type]
    assert made == [rounds]
