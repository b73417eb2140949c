"""What whoever runs the service watches."""

from sqlalchemy import text

from app.core.clients import Clients
from app.utils.metrics import JOBS

_QUEUED = text("SELECT task_name, status::text, count(*) FROM procrastinate_jobs GROUP BY task_name, status")


def count_jobs(clients: Clients) -> None:
    """Set the gauge of jobs in the queue; what the queue no longer has goes from it.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    with clients.database.queueing() as session:
        counted = session.execute(_QUEUED).all()
    JOBS.clear()
    for name, state, number in counted:
        JOBS.labels(name, state).set(number)
