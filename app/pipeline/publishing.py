"""What is current: rows that point at objects, moved in one transaction after the objects are written."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.database import AccountId
from app.core.tables import PublishedRow

ALL_MONTHS = ""  # the month of a frame that belongs to none


class Publication(NamedTuple):
    """One object that becomes current."""

    kind: str
    month: str
    key: str


def publish(
    session: Session, publications: Iterable[Publication], *, account: AccountId, company: UUID, run: UUID | None = None
) -> None:
    """Point at new objects. Readers see all of them at once, when the session commits."""
    rows = [
        {"account_id": account, "company_id": company, "kind": p.kind, "month": p.month, "key": p.key, "run_id": run}
        for p in publications
    ]
    if not rows:
        return
    statement = insert(PublishedRow).values(rows)
    changed = {name: statement.excluded[name] for name in ("key", "run_id", "published_at")}
    session.execute(statement.on_conflict_do_update(index_elements=PublishedRow.__mapper__.primary_key, set_=changed))


def current(session: Session, kind: str, *, company: UUID) -> dict[str, str]:
    """The current keys of one kind of frame, by month."""
    rows = session.execute(
        select(PublishedRow.month, PublishedRow.key)
        .where(PublishedRow.company_id == company, PublishedRow.kind == kind)
        .order_by(PublishedRow.month)
    )
    return {month: key for month, key in rows}  # noqa: C416  a Row is not a pair to mypy
