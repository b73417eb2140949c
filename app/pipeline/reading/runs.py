"""The forecasts a company has had, the newest first."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.tables import PublishedRow, RunRow
from app.domain.cnpj import Cnpj
from app.pipeline.companies import find_company


class Run(NamedTuple):
    """One forecast of one company."""

    id: UUID
    upload_id: UUID | None
    stage: str
    progress: int
    timings: dict[str, Any]
    metrics: dict[str, Any]
    created_at: datetime
    finished_at: datetime | None
    is_served: bool


def runs(
    clients: Clients, account: AccountId, cnpj: Cnpj, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[Run]:
    """The newest runs, or those older than `before`.

    Raises:
        UnknownCompany: the account has no such company.
    """
    with clients.database.session(account) as session:
        company = find_company(session, cnpj)
        served = session.scalar(
            select(PublishedRow.run_id).where(PublishedRow.company_id == company.id, PublishedRow.run_id.is_not(None))
        )
        wanted = select(RunRow).where(RunRow.company_id == company.id)
        if before is not None:
            wanted = wanted.where(tuple_(RunRow.created_at, RunRow.id) < before)
        newest = wanted.order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(limit)
        return [_run(row, served=served) for row in session.scalars(newest)]


def _run(row: RunRow, *, served: UUID | None) -> Run:
    facts = {name: getattr(row, name) for name in Run._fields if name != "is_served"}
    return Run(**facts, is_served=row.id == served)
