"""The worker: takes jobs from the queue and calls their stories."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from prometheus_client import start_http_server

from app.bootstrap import opened
from app.core.changes import Changes
from app.core.clients import Clients
from app.core.config import Settings
from app.core.queue import Job, JobName
from app.domain.errors import BadInput
from app.pipeline.copies import following_erasures
from app.pipeline.erasure import erase_objects
from app.pipeline.forecasting import forecast_company
from app.pipeline.handing import take_over
from app.pipeline.incoming import receive_delivered, take_over_delivered
from app.pipeline.preparation import prepare_upload
from app.pipeline.retention import tidy
from app.pipeline.uploads import give_up
from app.pipeline.webhooks import deliver
from app.utils.logger import get_logger

_PATIENCE = timedelta(minutes=15)  # a function's longest life


def run(settings: Settings, *, until_idle: bool = False, with_parent: bool = False) -> None:
    """Work until told to stop; `until_idle` stops when no job is left, `with_parent` when standard input closes."""
    if with_parent:
        threading.Thread(target=_stop_when_input_closes, daemon=True).start()
    if settings.worker_metrics_port:
        start_http_server(settings.worker_metrics_port, addr=settings.host)
    # The parent keeps the embedded database up, and does not die of a job.
    with opened(settings, starts_database=not with_parent) as clients, _following(clients):
        clients.queue.work(
            {
                JobName.RECEIVE: _story(clients, JobName.RECEIVE, receive_delivered),
                JobName.PREPARE: _story(clients, JobName.PREPARE, prepare_upload),
                JobName.FORECAST: _story(clients, JobName.FORECAST, forecast_company),
                JobName.ERASE: _story(clients, JobName.ERASE, erase_objects),
                JobName.DELIVER: _story(clients, JobName.DELIVER, deliver),
            },
            give_up=partial(given_up, clients),
            concurrency=settings.worker_concurrency,
            until_idle=until_idle,
            every_hour=lambda: _take_over(clients, now=datetime.now(UTC)),
            every_night=lambda: tidy(
                clients, now=datetime.now(UTC), raw_stays=timedelta(days=settings.raw_retention_days)
            ),
            began=_tell_parent if with_parent else None,
        )


def given_up(clients: Clients, job: Job, error: BaseException | None) -> None:
    """End a job in the customer's words; what is not the customer's to mend wakes an operator by this line.

    On AWS an alarm follows it (`infrastructure`), as one follows the failure queues of the functions.
    """
    give_up(clients, job, error)
    if not isinstance(error, BadInput):
        why = "its workers died" if error is None else type(error).__name__
        get_logger().error("job given up", upload_id=str(job.upload), error=why)


def _take_over(clients: Clients, *, now: datetime) -> None:
    take_over_delivered(clients, now=now)
    take_over(clients, now=now)


@contextmanager
def _following(clients: Clients) -> Iterator[None]:
    """A worker reads the lake as well."""
    if not clients.store.keeps_copies:
        yield
        return
    with Changes(clients.database) as changes, following_erasures(clients, changes):
        yield


def _story(clients: Clients, name: JobName, story: Callable[..., object]) -> Callable[[Job], None]:
    def tell(job: Job) -> None:
        with structlog.contextvars.bound_contextvars(job=name.value, upload_id=str(job.upload)):
            get_logger().info("job begins")
            try:
                with clients.database.turn(job.company, patience=_PATIENCE):  # a function may be at it too
                    story(clients, job, now=datetime.now(UTC))
            except Exception as error:
                get_logger().warning("job failed", error=type(error).__name__, exc_info=error)
                raise
            get_logger().info("job done")

    return tell


def _tell_parent() -> None:
    """Standard input may be a socket, at whose other end the parent hears that this worker has begun."""
    with suppress(OSError):
        os.write(0, b".")


def _stop_when_input_closes() -> None:
    """The parent holds the other end: however it ends, the worker finishes its jobs and stops too.

    Read past `sys.stdin`, whose lock a thread that waits would hold when the interpreter ends.
    """
    with suppress(OSError):  # a parent that never read what we told it ends as a connection reset
        while os.read(0, 1024):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
