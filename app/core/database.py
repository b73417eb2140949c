"""PostgreSQL: an engine, and sessions that see one account's rows and no others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NewType, Self
from uuid import UUID

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from app.core import migrations

AccountId = NewType("AccountId", UUID)
"""A tenant, minted by a door that has checked who is asking."""


class Database:
    """A pool of connections as the application's role, which row-level security binds."""

    def __init__(self, url: str) -> None:
        self.url = url
        # pre_ping: the embedded server may have been restarted by another process since.
        self._engine = create_engine(url, pool_pre_ping=True)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        event.listen(self._sessions, "after_begin", _name_the_tenant)

    @contextmanager
    def session(self, account: AccountId) -> Iterator[Session]:
        """One transaction that sees and writes `account`'s rows; commits at the end, rolls back on an error."""
        with self._sessions(info={"app.account_id": str(account)}) as session, session.begin():
            yield session

    @contextmanager
    def key_session(self, key_hash: bytes) -> Iterator[Session]:
        """One transaction that sees the API key with this hash, and nothing else."""
        with self._sessions(info={"app.key_hash": key_hash.hex()}) as session, session.begin():
            yield session

    def check(self) -> None:
        """Ask the server for its schema version.

        Raises:
            RuntimeError: the schema is not the one this code needs.
            sqlalchemy.exc.OperationalError: the server does not answer.
        """
        with self._engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        if found != migrations.newest():
            raise RuntimeError(f"the database is at version {found}, this code needs {migrations.newest()}")

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _name_the_tenant(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    """The setting is local to the transaction (third argument), so that no pooled connection carries it on."""
    if transaction.nested:
        return
    for name, value in session.info.items():
        connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})
