import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from procrastinate import App
from procrastinate.periodic import PeriodicTask
from sqlalchemy.orm import Session

from app.core import migrations
from app.core import queue as queue_module
from app.core.database import AccountId, Database
from app.core.embedded_postgres import running
from app.core.queue import MAX_ATTEMPTS, Job, JobName, JobQueue
from app.domain.errors import STORAGE, NothingToForecast, Unavailable
from tests.conftest import sqlalchemy_url


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
def hang(job):
    print("begun", flush=True)
    time.sleep(600)
queue.JobQueue(sys.argv[1]).work(
    {queue.JobName.PREPARE: hang}, give_up=lambda job, error: None, concurrency=1
)
"""


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Whatever works in this process is told to stop after so long, so that no test waits for ever."""
    watch = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM))
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def test_a_job_whose_worker_was_killed_is_done_by_another_within_a_minute(
    queue: JobQueue, application_url: str, database: Database, account: AccountId
) -> None:
    job = Job(account, uuid4(), uuid4())
    with database.session(account) as session:
        queue.enqueue(session, JobName.PREPARE, job)
    command = [sys.executable, "-c", DYING_WORKER, application_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"begun\n"
        dying.kill()
    seen: list[Job] = []

    def handler(again: Job) -> None:
        seen.append(again)
        os.kill(os.getpid(), signal.SIGTERM)  # as an operator would: the worker ends after this job

    with stopped_after(60):
        queue.work({JobName.PREPARE: handler}, give_up=never, concurrency=1)
    assert seen == [job]


def test_housekeeping_that_waits_for_long_jobs_stops_no_worker(
    queue: JobQueue, database: Database, account: AccountId
) -> None:
    jobs = [Job(account, uuid4(), uuid4()) for _ in range(3)]
    with database.session(account) as session:
        for job in jobs:
            queue.enqueue(session, JobName.PREPARE, job)
    done: list[Job] = []

    def handler(job: Job) -> None:
        time.sleep(31 if job in jobs[:2] else 0)  # both places are taken for two of the sweep's turns
        done.append(job)
        if len(done) == len(jobs):
            os.kill(os.getpid(), signal.SIGTERM)

    queue.work({JobName.PREPARE: handler}, give_up=never, concurrency=1)
    assert sorted(done) == sorted(jobs)


@pytest.fixture
def crons(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> dict[str, PeriodicTask[..., Any, Any]]:
    """What a worker registered with procrastinate, by the task's name."""
    found: dict[str, PeriodicTask[..., Any, Any]] = {}

    async def look(staffed: Callable[[], App], *_: object, **__: object) -> None:
        known = staffed().periodic_registry.periodic_tasks.values()
        found.update({task.task.name: task for task in known})

    monkeypatch.setattr(queue_module, "_work", look)
    queue.work({}, give_up=never, concurrency=1, every_hour=int, every_night=int)
    return found


@pytest.mark.parametrize(
    ("name", "first", "apart_s"),
    [
        ("sweep", "2026-03-01T12:00:15", 15),
        ("count", "2026-03-01T12:01:00", 60),
        ("take_over", "2026-03-01T12:41:00", 3600),
        ("tidy", "2026-03-02T06:17:00", 86_400),
    ],
)
def test_procrastinate_ticks_when_the_constants_mean_it_to(
    crons: dict[str, PeriodicTask[..., Any, Any]], name: str, first: str, apart_s: int
) -> None:
    noon = datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC).timestamp()
    clock = crons[name].croniter
    ticks = [clock.get_next(ret_type=float, start_time=noon)]
    ticks += [clock.get_next(ret_type=float, start_time=ticks[-1])]
    assert ticks[0] == datetime.fromisoformat(f"{first}+00:00").timestamp()
    assert ticks[1] - ticks[0] == apart_s


@pytest.mark.parametrize(("task", "rounds"), [("take_over", "every_hour"), ("tidy", "every_night")])
def test_a_worker_makes_its_rounds(queue: JobQueue, owner_url: str, task: str, rounds: str) -> None:
    """At a tick procrastinate defers the round like this; when it ticks is another test's."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "SELECT procrastinate_defer_periodic_job_v2"
            "('housekeeping', NULL, NULL, %s, 0, '', 1, '{\"timestamp\": 1}')",
            [task],
        )
    made: list[str] = []

    def go() -> None:
        made.append(rounds)
        os.kill(os.getpid(), signal.SIGTERM)

    with stopped_after(60):
        queue.work({}, give_up=never, concurrency=1, **{rounds: go})  # type: ignore[arg-type]
    assert made == [rounds]


def test_jobs_that_wait_are_counted_where_they_are(queue: JobQueue, database: Database, account: AccountId) -> None:
    company = uuid4()
    with database.session(account) as session:
        for at in (None, datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC) + timedelta(days=1)):
            queue.enqueue(session, JobName.PREPARE, Job(account, company, uuid4()), at=at)

    async def counted() -> int:
        async with queue_module._app(queue._conninfo).open_async() as app:
            return await queue_module._count_due(app)

    assert asyncio.run(counted()) == 2


WORKING = """
import sys, threading
from app.core import queue
from app.utils import logger
logger.configure(style="json", level="info")
def done(job):
    print(job.upload, flush=True)
queue.JobQueue(sys.argv[1]).work(
    {queue.JobName.PREPARE: done}, give_up=lambda job, error: None, concurrency=1
)
"""


class Restartable:
    """A database that a test may stop and start, and a worker process that uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = ExitStack()
        self.owner = self.server.enter_context(running(folder))
        migrations.upgrade(sqlalchemy_url(self.owner))
        self.url = self.owner.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")
        self.account = AccountId(uuid4())

    def stop(self) -> None:
        self.server.close()

    def start(self) -> None:
        self.server.enter_context(running(self.folder))

    def enqueue(self) -> bytes:
        """A job; what a worker says when it is done."""
        job = Job(self.account, uuid4(), uuid4())
        with Database(sqlalchemy_url(self.url)) as database, database.session(self.account) as session:
            JobQueue(self.url).enqueue(session, JobName.PREPARE, job)
        return f"{job.upload}\n".encode()

    @contextmanager
    def working(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-c", WORKING, self.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as worker:
            try:
                yield worker
            finally:
                worker.kill()


@pytest.fixture
def frail(tmp_path: Path) -> Iterator[Restartable]:
    database = Restartable(tmp_path / "postgres")
    yield database
    database.stop()


def wait_to_hear(worker: subprocess.Popen[bytes], line: bytes) -> None:
    """Until the worker says it; what it did just before the database went it may do and say again."""
    assert worker.stdout
    watch = threading.Timer(60, worker.kill)
    watch.start()
    try:
        said = list(takewhile(lambda heard: heard not in {line, b""}, iter(worker.stdout.readline, None)))
    finally:
        watch.cancel()
    assert worker.poll() is None, f"{line!r} was not among {said}"


def test_a_worker_alone_goes_on_after_its_database_was_away(frail: Restartable) -> None:
    with frail.working() as worker:
        wait_to_hear(worker, frail.enqueue())
        for _ in range(2):
            frail.stop()
            time.sleep(3)  # longer than procrastinate takes to see that nobody listens to it
            frail.start()
            wait_to_hear(worker, frail.enqueue())
        assert worker.poll() is None
        worker.terminate()
        _, said = worker.communicate(timeout=60)
        assert worker.returncode == 0
    assert b"worker lost its database" in said


def test_a_worker_that_waits_for_its_database_ends_when_told_to(frail: Restartable) -> None:
    with frail.working() as worker:
        wait_to_hear(worker, frail.enqueue())
        frail.stop()
        time.sleep(3)
        worker.terminate()
        assert worker.wait(60) == 0


def test_a_worker_that_never_had_a_database_ends_and_says_why(queue: JobQueue, tmp_path: Path) -> None:
    del queue
    nowhere = JobQueue(f"postgresql://quantyfy_app@/quantyfy?host={tmp_path}")
    with pytest.raises(Unavailable, match="PostgreSQL"):
        nowhere.work({}, give_up=never, concurrency=1)


def test_a_database_that_stays_away_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    outage = queue_module._Outage(began=int)
    outage.may_be_over()
    clock[0] = 100.0  # it was there for long
    pauses: list[float] = []

    def wait_on() -> None:
        while True:
            pauses.append(outage.pause(None))
            clock[0] += pauses[-1] + 30

    with pytest.raises(Unavailable):
        wait_on()
    assert pauses[:6] == [0.5, 1, 2, 4, 8, 15]
    assert max(pauses) == 15
    assert 600 <= clock[0] - 100 < 700


def test_a_worker_that_was_steady_since_is_given_all_the_time_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    outage = queue_module._Outage(began=int)
    for _ in range(100):  # an hour's restart, every hour
        outage.may_be_over()
        clock[0] += 3600
        assert outage.pause(OSError("gone")) == 0.5
    outage.may_be_over()
    clock[0] += 59  # but one that fell at once goes on counting
    assert outage.pause(None) == 1
