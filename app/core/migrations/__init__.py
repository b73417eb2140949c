"""The schema's history, and how to bring a database to its newest version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

APPLICATION_ROLE = "quantyfy_app"
WORKER_ROLE = "quantyfy_worker"

# One number for the whole service: two processes that start together must not migrate together.
_MIGRATION_LOCK = 0x51_55_41_4E

# On RDS the application has no password: it signs in as the machine's role.
_LET_MACHINES_SIGN_IN = f"""
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
    GRANT rds_iam TO {APPLICATION_ROLE};
  END IF;
END $$
"""


def upgrade(owner_url: str) -> None:
    """Bring the database of `owner_url` to the newest version; safe to repeat and to run from many processes.

    The owner must be allowed to create roles the first time: the application's own role is made there.
    """
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            command.upgrade(configuration(connection), "head")
            connection.execute(text(_LET_MACHINES_SIGN_IN))
    finally:
        engine.dispose()


def newest() -> str:
    """The version that this code needs."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration in code: there is no ini file to keep in step."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
