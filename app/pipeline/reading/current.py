"""One company as it is served now: one whole run, seen in one transaction."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.tables import PublishedRow, RunRow
from app.domain.cnpj import Cnpj
from app.domain.errors import NotForecastYet
from app.pipeline.companies import Company, find_company
from app.pipeline.publishing import ALL_MONTHS


@dataclass(frozen=True)
class Published:
    """One run, and the keys of everything that belongs to it."""

    company: Company
    run: UUID
    last_day: date
    published_at: datetime
    metrics: Mapping[str, Any]
    keys: Mapping[tuple[str, str], str]

    def key(self, kind: str) -> str:
        """The key of a frame that belongs to no month."""
        return self.keys[kind, ALL_MONTHS]

    def months(self, kind: str) -> tuple[str, ...]:
        """The keys of a kind of frame that comes by sales month, in the order of months."""
        return tuple(key for (found, _), key in sorted(self.keys.items()) if found == kind)

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever anything that is served changes: objects do not, so their keys say it all."""
        said = "\n".join((str(self.run), self.company.name, *sorted(self.keys.values())))
        return hashlib.sha256(said.encode()).hexdigest()[:24]

    def facts(self) -> dict[str, Any]:
        """What every answer says of where it comes from."""
        return {
            "cnpj": self.company.cnpj.text,
            "run_id": self.run,
            "last_day": self.last_day,
            "published_at": self.published_at,
        }


def published(clients: Clients, account: AccountId, cnpj: Cnpj) -> Published:
    """What is served for a company of the account.

    Raises:
        UnknownCompany: the account has no such company.
        NotForecastYet: it has, and no run of it has finished.
    """
    with clients.database.session(account) as session:
        company = find_company(session, cnpj)
        rows = session.scalars(select(PublishedRow).where(PublishedRow.company_id == company.id)).all()
        runs = {row.run_id for row in rows if row.run_id}
        if not runs:
            raise NotForecastYet(cnpj=cnpj.formatted)
        run = session.scalars(select(RunRow).where(RunRow.id.in_(runs))).one()
    return Published(
        company=company,
        run=run.id,
        last_day=date.fromisoformat(run.metrics["last_day"]),
        published_at=max(row.published_at for row in rows),
        metrics=run.metrics,
        keys={(row.kind, row.month): row.key for row in rows},
    )
