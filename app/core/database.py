"""PostgreSQL: an engine, and sessions that see one account's rows and no others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal, NewType, Self, cast
from uuid import UUID

import psycopg
from sqlalchemy import Connection, NullPool, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from app.core import migrations
from app.domain.errors import Busy

AccountId = NewType("AccountId", UUID)
"""A tenant, minted by a door that has checked who is asking."""

Presented = Literal["key_hash", "session_hash", "token_hash", "email", "subject"]

_SOON = {"connect_timeout": 5}  # seconds: a server that is not there must not hold up whoever asks whether it is
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for a lock that was not given in time


class Database:
    """A pool of connections as the application's role, which row-level security binds.

    `password` is asked anew for every connection, for servers that take one which lasts minutes.
    """

    def __init__(self, url: str, *, password: Callable[[], str] | None = None) -> None:
        self.url = url
        # pre_ping: the embedded server may have been restarted by another process since.
        # hide_parameters: an error ends up in the log, and what a customer sent must not.
        self._engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=_SOON)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        event.listen(self._sessions, "after_begin", _name_the_tenant)
        # Who waits for a turn must not hold the connection that whoever has the turn needs.
        self._turns = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=_SOON)
        if password is not None:
            for engine in (self._engine, self._turns):
                event.listen(engine, "do_connect", _with_password(password))

    @contextmanager
    def session(self, account: AccountId) -> Iterator[Session]:
        """One transaction that sees and writes `account`'s rows; commits at the end, rolls back on an error."""
        with self._sessions(info={"app.account_id": str(account)}) as session, session.begin():
            yield session

    @contextmanager
    def presenting(self, what: Presented, value: bytes | str) -> Iterator[Session]:
        """One transaction, before the account is known, that sees the rows of what is presented and nothing else."""
        shown = value.hex() if isinstance(value, bytes) else value
        with self._sessions(info={f"app.{what}": shown}) as session, session.begin():
            yield session

    @contextmanager
    def housekeeping(self) -> Iterator[Session]:
        """One transaction that sees which accounts there are, and nothing that is theirs."""
        with self._sessions(info={"app.housekeeping": "on"}) as session, session.begin():
            yield session

    @contextmanager
    def queueing(self) -> Iterator[Session]:
        """One transaction that sees the jobs of every account, as the worker does, and no account's rows."""
        with self._sessions(info={"app.queue": "on"}) as session, session.begin():
            yield session

    @contextmanager
    def turn(self, company: UUID, *, patience: timedelta) -> Iterator[None]:
        """One at a time for a company, in whatever process: the others wait for `patience`.

        The lock is a transaction's that does nothing else, so that it goes with a process that dies.

        Raises:
            Busy: the one before is not done yet.
        """
        with self._turns.begin() as connection:
            waiting = {"wait": f"{round(patience.total_seconds() * 1000)}ms"}
            connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), waiting)
            try:
                lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:company, 0))")
                connection.execute(lock, {"company": str(company)})
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
                raise Busy from error
            yield

    def connection_of_its_own(self) -> psycopg.Connection:
        """A connection outside the pool and any transaction, to listen on; the caller closes it."""
        pooled = self._engine.raw_connection()
        connection = cast("psycopg.Connection", pooled.driver_connection)
        pooled.detach()
        connection.rollback()
        connection.autocommit = True
        return connection

    def check(self) -> None:
        """Ask the server for its schema version: this code's, or a newer one.

        Raises:
            DatabaseBehind: it has yet to be migrated.
            ForeignDatabase: its version is none of ours.
            sqlalchemy.exc.OperationalError: the server does not answer.
        """
        with self._engine.connect() as connection:
            migrations.require_readiness(connection)

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


def _with_password(password: Callable[[], str]) -> Callable[[Any, Any, list[Any], dict[str, Any]], None]:
    def give(dialect: Any, record: Any, arguments: list[Any], named: dict[str, Any]) -> None:  # noqa: ANN401  SQLAlchemy's hook
        del dialect, record, arguments
        named["password"] = password()

    return give
