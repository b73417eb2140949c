"""What whoever runs the service watches."""

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app.core.clients import Clients
from app.core.queue import JobQueue
from app.domain.errors import DATABASE, QUEUE, WORKER, Unavailable
from app.utils.metrics import JOBS, WORKERS

_QUEUED = text("SELECT task_name, status::text, count(*) FROM procrastinate_jobs GROUP BY task_name, status")
_ASK_QUEUE = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")
_NO_HEARTBEAT = "the table procrastinate_workers, which has no fresh heartbeat"


def require_ready(clients: Clients) -> None:
    """Make sure that the database (at the version this code needs or a newer one), the queue and the lake answer.

    Where workers are expected (`Clients`), one has a fresh heartbeat.

    Raises:
        Unavailable: the first of them that does not; `DatabaseBehind` or `ForeignDatabase` for a wrong version.
    """
    try:
        clients.database.check()
    except SQLAlchemyError as error:
        raise Unavailable(part=DATABASE, where="PostgreSQL") from error
    try:
        with clients.database.queueing() as session:
            session.execute(_ASK_QUEUE)
            workers = JobQueue.workers(session)
    except SQLAlchemyError as error:
        part, where = (DATABASE, "PostgreSQL") if isinstance(error, OperationalError) else (QUEUE, "procrastinate")
        raise Unavailable(part=part, where=where) from error
    clients.store.check()
    if clients.workers_expected and not workers.alive:
        raise Unavailable(part=WORKER, where=_NO_HEARTBEAT)


def count_jobs(clients: Clients) -> None:
    """Set the gauges of jobs in the queue and of workers; what the queue no longer has goes from them.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    with clients.database.queueing() as session:
        counted = session.execute(_QUEUED).all()
        workers = JobQueue.workers(session)
    JOBS.clear()
    for name, state, number in counted:
        JOBS.labels(name, state).set(number)
    for state, number in workers._asdict().items():
        WORKERS.labels(state).set(number)
