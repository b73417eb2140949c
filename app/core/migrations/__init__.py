"""The schema's history, and how to bring a database to its newest version."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from app.domain.errors import DatabaseAhead, DatabaseBehind, ForeignDatabase
from app.domain.text import Text

APPLICATION_ROLE = "quantyfy_app"
WORKER_ROLE = "quantyfy_worker"
_SHOWN: Final = 40  # characters of what a database says, before it is believed

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

# Versions are numbered without a gap (tests hold that), so that a program can place one that was made after it.
_NUMBER: Final = re.compile(r"[0-9]{4}")
_NOTHING: Final = Text("nenhuma", "none")


def upgrade(owner_url: str) -> None:
    """Bring the database of `owner_url` to the newest version; safe to repeat and to run from many processes.

    The owner must be allowed to create roles the first time: the application's own role is made there.

    Raises:
        DatabaseAhead: a newer program has brought it further; it stays as it is.
        ForeignDatabase: its version is none of ours; it stays as it is.
    """
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            found = version_of(connection)
            if _is_newer(found):
                raise DatabaseAhead(at=found, needed=newest())
            _refuse_foreign(found)
            command.upgrade(configuration(connection), "head")
            connection.execute(text(_LET_MACHINES_SIGN_IN))
    finally:
        engine.dispose()


def require_readiness(connection: Connection) -> None:
    """Make sure that the database is at this code's version, or at a newer one: those only add (decision 21).

    Raises:
        DatabaseBehind: it has yet to be migrated.
        ForeignDatabase: its version is none of ours.
    """
    found = version_of(connection)
    _refuse_foreign(found)
    if found is None or (found != newest() and not _is_newer(found)):
        raise DatabaseBehind(at=found or _NOTHING, needed=newest())


def version_of(connection: Connection) -> str | None:
    """What the database says its version is; None before its first migration."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version ORDER BY 1")).scalars().all()
    return " ".join(found) if found else None


def newest() -> str:
    """The version that this code needs."""
    return chain()[-1]


@cache
def chain() -> tuple[str, ...]:
    """Every version this code knows, oldest first."""
    known = ScriptDirectory.from_config(configuration()).walk_revisions()
    return tuple(script.revision for script in known)[::-1]


def _is_newer(found: str | None) -> bool:
    """Whether a version that this code does not know comes after all that it knows."""
    return found is not None and _NUMBER.fullmatch(found) is not None and found > newest()


def _refuse_foreign(found: str | None) -> None:
    if found is not None and found not in chain() and not _is_newer(found):
        raise ForeignDatabase(at=repr(found[:_SHOWN]))


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration in code: there is no ini file to keep in step."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
