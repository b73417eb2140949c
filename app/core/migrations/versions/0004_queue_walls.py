"""The queue's tables are walled as well: an account reaches its own jobs, the worker every job, in no account's name."""

from alembic import op

from app.core.migrations.pieces import CURRENT_ACCOUNT, EVERYTHING, force

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OF_QUEUE = f"current_setting('app.queue', true) = 'on' AND {CURRENT_ACCOUNT} IS NULL"
_OF_ACCOUNT = f"args ->> 'account' = ({CURRENT_ACCOUNT})::text"
_OF_ITS_JOB = "EXISTS (SELECT FROM procrastinate_jobs WHERE procrastinate_jobs.id = job_id)"


def upgrade() -> None:
    for table in ("jobs", "events", "workers", "periodic_defers"):
        force(f"procrastinate_{table}", EVERYTHING)
    _let("jobs", "of_account", _OF_ACCOUNT)
    # What an event may show follows from its job, whose own policies hold inside this one.
    _let("events", "of_its_job", _OF_ITS_JOB)
    for table in ("jobs", "workers", "periodic_defers"):
        _let(table, "of_queue", _OF_QUEUE)


def downgrade() -> None:
    raise NotImplementedError("walls are not taken down by a migration")


def _let(table: str, name: str, condition: str) -> None:
    op.execute(f"CREATE POLICY {name} ON procrastinate_{table} USING ({condition}) WITH CHECK ({condition})")
