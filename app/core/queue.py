"""The job queue on the same PostgreSQL: a job is born in the transaction that gives its reason, or not at all."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from itertools import chain, repeat
from typing import Any, NamedTuple, cast
from uuid import UUID

import procrastinate
import psycopg
from procrastinate import signals
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from app.core import migrations
from app.core.database import AccountId
from app.domain.errors import DATABASE, AppError, Unavailable
from app.utils.logger import get_logger

_PAUSES_S = (5, 30, 180)  # before the second, third and fourth try
MAX_ATTEMPTS = len(_PAUSES_S) + 1
_HEARTBEAT_S = 5.0
_LOST_AFTER_S = 30.0
_POLL_S = 2.0  # nobody is told of a job that comes back, or that becomes due
_SWEEP_EVERY = "* * * * * */15"  # croniter reads a sixth field, the last, as seconds
_HOURLY = "41 * * * *"
_NIGHTLY = "17 6 * * *"  # UTC: 3:17 in Brasília
_RETURN_S = (0.5, 1, 2, 4, 8)  # before each new try to reach a database that is away
_RETURN_AT_MOST_S = 15.0
_STEADY_S = 60.0  # a worker that lived so long had its database
_AWAY_AT_MOST_S = 600.0
_WORK = "work"
# No task here has a queueing lock: under row-level security PostgreSQL does not tell which key was there already, and
# procrastinate 3.10 ends its worker over that. A tick is deferred once for all workers, and what piles up is quick.
_HOUSEKEEPING = "housekeeping"


class JobName(StrEnum):
    """The stories that run in the background."""

    RECEIVE = "receive"
    PREPARE = "prepare"
    FORECAST = "forecast"
    ERASE = "erase"
    DELIVER = "deliver"


class Job(NamedTuple):
    """What a job is about. One job at a time runs for a company (or for a webhook, or for a delivery of files).

    `upload` is what the job is to do: an upload, the receipt of an erasure, the delivery of an event.
    """

    account: AccountId
    company: UUID
    upload: UUID


class Workers(NamedTuple):
    """How many workers said lately that they live, and how many have not, and have not signed off either."""

    alive: int
    lost: int


Handler = Callable[[Job], object]  # what it answers is for other doors
GiveUp = Callable[[Job, BaseException | None], None]


class JobQueue:
    """Enqueue inside a session's transaction; work in a process of its own."""

    def __init__(self, libpq_url: str, *, password: Callable[[], str] | None = None) -> None:
        self._conninfo: Callable[[], str] = lambda: _as_worker(libpq_url, password=password)
        self._app = _app(libpq_url)

    def enqueue(self, session: Session, name: JobName, job: Job, *, at: datetime | None = None) -> None:
        """Add a job, due now or at a time, that exists when, and only when, the session's transaction commits."""
        connection = session.connection().connection.driver_connection
        arguments = {"account": str(job.account), "company": str(job.company), "upload": str(job.upload)}
        task = self._app.configure_task(name, queue=_WORK, lock=str(job.company), schedule_at=at, connection=connection)
        task.defer(**arguments)

    @staticmethod
    def has(session: Session, job: Job, *, or_gave_up: bool = False) -> bool:
        """In its account's session, whether some job about the same thing waits, or is being done, or was given up."""
        asked = text(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE lock = :lock AND args->>'upload' = :upload"
            " AND (status IN ('todo', 'doing') OR :or_gave_up AND status = 'failed'))"
        )
        about = {"lock": str(job.company), "upload": str(job.upload), "or_gave_up": or_gave_up}
        return bool(session.scalar(asked, about))

    @staticmethod
    def forget(session: Session, company: UUID) -> int:
        """In its account's session, remove the jobs of a company that have not begun; returns how many there were."""
        waiting = text("DELETE FROM procrastinate_jobs WHERE lock = :lock AND status = 'todo'")
        return cast("CursorResult[Any]", session.execute(waiting, {"lock": str(company)})).rowcount

    @staticmethod
    def workers(session: Session) -> Workers:
        """In a session that sees the queue, who works."""
        asked = text(
            "SELECT count(*) FILTER (WHERE is_alive), count(*) FILTER (WHERE NOT is_alive) FROM (SELECT"
            " last_heartbeat > now() - make_interval(secs => :lost_after) AS is_alive FROM procrastinate_workers) AS w"
        )
        alive, lost = session.execute(asked, {"lost_after": _LOST_AFTER_S}).one()
        return Workers(alive, lost)

    def work(  # noqa: PLR0913  what it does at which moments, each by its name
        self,
        handlers: Mapping[JobName, Handler],
        *,
        give_up: GiveUp,
        concurrency: int,
        until_idle: bool = False,
        every_hour: Callable[[], object] | None = None,
        every_night: Callable[[], object] | None = None,
        began: Callable[[], object] | None = None,
    ) -> None:
        """Run jobs until the process is told to stop (SIGINT, SIGTERM), or until none is left that is due.

        A database that goes away is waited for, unless `until_idle`. One that was never there is not. `began` is called
        when it answers.

        A job that fails is tried again with growing pauses, unless it failed by one of our own errors, which another
        try would only repeat (what was unavailable may be back). `give_up` is told of each job that is not tried again.

        Raises:
            Unavailable: the database is away, and was for ten minutes if it had been there.
        """

        def staffed() -> procrastinate.App:
            app = _app(self._conninfo)
            for name, handler in handlers.items():
                _add_task(app, name, handler, give_up)
            _add_sweep(app, give_up)
            _add_count(app)
            _add_round(app, "take_over", every_hour, cron=_HOURLY)
            _add_round(app, "tidy", every_night, cron=_NIGHTLY)
            return app

        outage = _Outage(began or (lambda: None))

        asyncio.run(_work(staffed, outage, concurrency=concurrency, until_idle=until_idle))


def _as_worker(libpq_url: str, *, password: Callable[[], str] | None) -> str:
    """The worker's own connections name no account, and act as the queue's role (migration 0007)."""
    said = conninfo_to_dict(libpq_url).get("options") or ""
    acting = make_conninfo(libpq_url, options=f"{said} -c role={migrations.WORKER_ROLE}".strip())
    return acting if password is None else make_conninfo(acting, password=password())


def _app(conninfo: str | Callable[[], str]) -> procrastinate.App:
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo))


_Staffed = Callable[[], procrastinate.App]
"""A new procrastinate application that knows every task; one that lost its database is not used again."""


async def _work(staffed: _Staffed, outage: "_Outage", *, concurrency: int, until_idle: bool) -> None:
    told = asyncio.Event()
    shift = asyncio.ensure_future(
        _until_idle(staffed, concurrency) if until_idle else _until_told(staffed, concurrency, outage, told=told)
    )

    def stop() -> None:
        told.set()
        shift.cancel()  # procrastinate then finishes the jobs it has, and takes no more

    with signals.on_stop(stop), suppress(asyncio.CancelledError):
        await shift


async def _until_idle(staffed: _Staffed, concurrency: int) -> None:
    async with staffed().open_async() as app:
        while True:
            await _run(app, concurrency=concurrency, wait=False)
            # A worker that does not wait stops at the first job it may not take yet, as one locked by its company.
            if not await _count_due(app):
                return


async def _until_told(staffed: _Staffed, concurrency: int, outage: "_Outage", *, told: asyncio.Event) -> None:
    """Worker after worker: procrastinate's ends, in order or by an error, when its database is away.

    Its jobs are then another's, and this one's too, by the sweep.
    """
    while True:
        why: Exception | None = None
        try:
            async with staffed().open_async() as app:
                outage.may_be_over()
                await _run(app, concurrency=concurrency, wait=True)
        except (ConnectorException, psycopg.Error) as error:
            why = error
        if told.is_set():
            return
        await asyncio.sleep(outage.pause(why))


async def _run(app: procrastinate.App, *, concurrency: int, wait: bool) -> None:
    await app.run_worker_async(
        queues=[_WORK, _HOUSEKEEPING],
        concurrency=concurrency + 1,  # the sweep must not wait behind a long job
        wait=wait,
        install_signal_handlers=False,  # whoever is told to stop may have no worker just then
        delete_jobs="successful",
        fetch_job_polling_interval=_POLL_S,
        update_heartbeat_interval=_HEARTBEAT_S,
        stalled_worker_timeout=_LOST_AFTER_S,
    )


class _Outage:
    """How long to wait for a database that went away, and when to wait no more."""

    def __init__(self, began: Callable[[], object]) -> None:
        self._began = began
        self._was_ever_there = False
        self._there_since: float | None = None
        self._away_since: float | None = None
        self._pauses = _growing()

    def may_be_over(self) -> None:
        """The database answers; whether it stays is seen when this worker ends."""
        if not self._was_ever_there:
            self._was_ever_there = True
            self._began()
        self._there_since = time.monotonic()

    def pause(self, why: Exception | None) -> float:
        """Seconds until the next try, after a worker that ended.

        Raises:
            Unavailable: the database never answered, or no worker was steady for ten minutes.
        """
        now = time.monotonic()
        lived = 0 if self._there_since is None else now - self._there_since
        self._there_since = None
        if self._away_since is None or lived >= _STEADY_S:
            self._away_since, self._pauses = now, _growing()
        cause = str((why and why.__cause__) or why or "it ended by itself")
        if not self._was_ever_there or now - self._away_since > _AWAY_AT_MOST_S:
            raise Unavailable(part=DATABASE, where=f"PostgreSQL ({cause})") from why
        seconds = next(self._pauses)
        get_logger().warning("worker lost its database", error=cause, again_in_s=seconds)
        return seconds


def _growing() -> Iterator[float]:
    return chain(_RETURN_S, repeat(_RETURN_AT_MOST_S))


async def _count_due(app: procrastinate.App) -> int:
    """How many jobs of customers may be taken now, or could be but for another of the same company."""
    asked = (
        "SELECT count(*) AS due FROM procrastinate_jobs WHERE queue_name = %(queue)s AND status = 'todo'"
        " AND (scheduled_at IS NULL OR scheduled_at <= now())"
    )
    row = await app.connector.execute_query_one_async(asked, queue=_WORK)
    return int(row["due"])


def _add_count(app: procrastinate.App) -> None:
    """Once a minute, say how many jobs wait: on AWS the number of workers follows this line (`infrastructure`)."""

    async def count(timestamp: int) -> None:
        del timestamp
        get_logger().info("jobs waiting", count=await _count_due(app))

    task = app.task(name="count", queue=_HOUSEKEEPING)(count)
    app.periodic(cron="* * * * *")(task)


def _add_task(app: procrastinate.App, name: JobName, handler: Handler, give_up: GiveUp) -> None:
    # A plain def runs in a thread, so that the worker's heartbeat goes on under a long computation.
    def run(context: procrastinate.JobContext, *, account: str, company: str, upload: str) -> None:
        job = Job(AccountId(UUID(account)), UUID(company), UUID(upload))
        try:
            handler(job)
        except Exception as error:
            if not _may_try_again(error, attempts=context.job.attempts):
                give_up(job, error)
            raise

    app.task(name=name, pass_context=True, retry=_Retry())(run)


def _add_sweep(app: procrastinate.App, give_up: GiveUp) -> None:
    async def sweep(timestamp: int) -> None:
        del timestamp
        for queued in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_LOST_AFTER_S):
            await _revive(app, queued, give_up)

    task = app.task(name="sweep", queue=_HOUSEKEEPING)(sweep)
    app.periodic(cron=_SWEEP_EVERY)(task)


def _add_round(app: procrastinate.App, name: str, go: Callable[[], object] | None, *, cron: str) -> None:
    if go is None:
        return

    def rounds(timestamp: int) -> None:
        del timestamp
        go()

    app.periodic(cron=cron)(app.task(name=name, queue=_HOUSEKEEPING)(rounds))


async def _revive(app: procrastinate.App, queued: QueuedJob, give_up: GiveUp) -> None:
    """Give a dead worker's job to another; a job that keeps killing its workers ends here."""
    if queued.attempts + 1 < MAX_ATTEMPTS:
        await app.job_manager.retry_job(queued)
        return
    await app.job_manager.finish_job(queued, status=Status.FAILED, delete_job=False)
    if "upload" in queued.task_kwargs:
        words = {name: UUID(str(queued.task_kwargs[name])) for name in Job._fields}
        await asyncio.to_thread(give_up, Job(AccountId(words["account"]), words["company"], words["upload"]), None)


class _Retry(BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        if not _may_try_again(exception, attempts=job.attempts):
            return None
        return RetryDecision(retry_in={"seconds": _PAUSES_S[job.attempts]})


def _may_try_again(error: BaseException, *, attempts: int) -> bool:
    passing = isinstance(error, Unavailable) or not isinstance(error, AppError)
    return passing and attempts + 1 < MAX_ATTEMPTS
