"""The audit log: who uploaded, read, exported, erased. Written in the transaction of what it tells; never rewritten."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.tables import AuditRow
from app.domain.access import Action

SYSTEM = "system"


class Entry(NamedTuple):
    """One line of the log. `facts` holds names, counts and hashes, never what a file said."""

    id: UUID
    created_at: datetime
    actor: str
    action: str
    subject: str
    facts: dict[str, Any]


class Deed(NamedTuple):
    """What is to be written down. With `once`, only the first of equal deeds is kept."""

    action: Action
    subject: str
    actor: str
    facts: Mapping[str, Any] = MappingProxyType({})
    once: str | None = None


def note(session: Session, account: AccountId, deed: Deed) -> None:
    """Write down what is being done, in the transaction that does it."""
    row = {"account_id": account, "id": uuid4()} | deed._asdict() | {"facts": dict(deed.facts)}
    session.execute(insert(AuditRow).values(row).on_conflict_do_nothing())


def record(clients: Clients, account: AccountId, deed: Deed) -> None:
    """As `note`, in a transaction of its own."""
    with clients.database.session(account) as session:
        note(session, account, deed)


def note_reading(clients: Clients, account: AccountId, subject: str, *, actor: str, what: str, now: datetime) -> None:
    """Write down that somebody read a company's `what`: one line a caller, company, kind of answer and day."""
    once = f"{now:%Y-%m-%d} {actor} {what} {subject}"
    record(clients, account, Deed(Action.READ, subject, actor, {"what": what}, once))


def entries(
    clients: Clients, account: AccountId, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[Entry]:
    """The newest lines, or those older than `before`."""
    wanted = select(AuditRow).order_by(AuditRow.created_at.desc(), AuditRow.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(tuple_(AuditRow.created_at, AuditRow.id) < before)
    with clients.database.session(account) as session:
        return [_entry(row) for row in session.scalars(wanted)]


def _entry(row: AuditRow) -> Entry:
    return Entry(*(getattr(row, name) for name in Entry._fields))
