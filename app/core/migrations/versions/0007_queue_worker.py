"""The worker's connections to the queue have a role of their own, and taking a job follows indexes."""

from alembic import op

from app.core.migrations import APPLICATION_ROLE, WORKER_ROLE
from app.core.migrations.pieces import EVERYTHING

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
# The index that goes is named by no release: whoever still runs the one before is served by the new index.
unused_since = "0006"

TABLES = ("jobs", "events", "workers", "periodic_defers")
NUMBERED = ("jobs", "events", "periodic_defers")
_FETCH = "procrastinate_fetch_job_v2(character varying[], bigint)"
# What a plan for it must do without, for each of them reads every job that waits.
_READING_ALL = ("enable_sort", "enable_hashjoin", "enable_mergejoin", "enable_seqscan", "enable_bitmapscan")
_BEHIND_ITS_NUMBER = "procrastinate_jobs_id_lock_idx_v1"  # no lookup by lock: it is read from end to end


def upgrade() -> None:
    _make_role()
    for table in TABLES:
        op.execute(f"GRANT {EVERYTHING} ON procrastinate_{table} TO {WORKER_ROLE}")
        op.execute(f"CREATE POLICY of_worker ON procrastinate_{table} TO {WORKER_ROLE} USING (true) WITH CHECK (true)")
    for table in NUMBERED:
        op.execute(f"GRANT USAGE ON SEQUENCE procrastinate_{table}_id_seq TO {WORKER_ROLE}")
    _follow_indexes()


def downgrade() -> None:
    raise NotImplementedError("walls are not moved back by a migration")


def _make_role() -> None:
    """Nobody signs in as it: the application's role may become it by saying so, and has none of its rights otherwise.

    It reaches the queue's tables alone. On a table of an account it has no right at all.
    """
    op.execute(
        f"""
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{WORKER_ROLE}') THEN
            CREATE ROLE {WORKER_ROLE} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
          END IF;
          IF NOT pg_has_role('{APPLICATION_ROLE}', '{WORKER_ROLE}', 'SET') THEN
            GRANT {WORKER_ROLE} TO {APPLICATION_ROLE} WITH INHERIT FALSE, SET TRUE;
          END IF;
        END $$
        """
    )


def _follow_indexes() -> None:
    """A job may be taken if none of its lock comes before it: look that up, whatever the planner knows of the table.

    Under row-level security, and before the first ANALYZE, it knows too little: it read the whole queue once for each
    job that waits. So there is one plan, made once, and no index that an empty table makes look as good.
    """
    op.execute(
        "CREATE INDEX ix_procrastinate_jobs_lock_priority_id ON procrastinate_jobs (lock, priority DESC, id)"
        " WHERE status IN ('todo', 'doing')"
    )
    op.execute(f"DROP INDEX {_BEHIND_ITS_NUMBER}")
    op.execute(f"ALTER FUNCTION {_FETCH} SET plan_cache_mode = force_generic_plan")
    for setting in _READING_ALL:
        op.execute(f"ALTER FUNCTION {_FETCH} SET {setting} = off")
