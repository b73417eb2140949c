"""Erasing a company: what is served goes at once, its objects by a job that may be repeated, and a receipt stays."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys
from app.core.queue import Job, JobName
from app.core.tables import CompanyRow, DirectUploadRow, ErasureRow, PublishedRow, RunRow, UploadRow
from app.domain.access import Action
from app.domain.cnpj import Cnpj
from app.domain.errors import UnknownCompany, UnknownErasure
from app.pipeline.audit import Deed, note
from app.pipeline.companies import company_by_id, find_company


class Erasure(NamedTuple):
    """The receipt: all that stays of a company. Not finished means that objects of it may still be there."""

    id: UUID
    cnpj: str
    created_at: datetime
    finished_at: datetime | None
    removed: dict[str, Any]


def erase_company(clients: Clients, account: AccountId, cnpj: Cnpj, *, actor: str, now: datetime) -> Erasure:
    """Take a company out of service for ever and ask for its objects to be removed; returns the receipt.

    From here on nobody can read anything of it, and no job that still runs can publish anything. Asked again, or by two
    at once, it answers the same receipt: whoever lost the first answer has no other way to it.

    Raises:
        UnknownCompany: the account has no such company, and never erased one.
    """
    with clients.database.session(account) as session:
        try:
            company = find_company(session, cnpj, to_erase=True)
        except UnknownCompany:
            return _last_erasure(session, cnpj)
        removed = {"jobs": clients.queue.forget(session, company.id)}
        for name, table in (("publications", PublishedRow), ("runs", RunRow), ("uploads", UploadRow)):
            removed[name] = _remove(session, table, company.id)
        incoming = _forget_direct(session, account, cnpj)
        receipt = ErasureRow(
            account_id=account,
            id=uuid5(company.id, "erasure"),
            cnpj=cnpj.text,
            lake_prefixes=[*company.keys.folders, *incoming],
            removed=removed,
        )
        session.add(receipt)
        session.get_one(CompanyRow, (account, company.id)).erased_at = now
        note(session, account, Deed(Action.ERASED, cnpj.text, actor, removed))
        clients.queue.enqueue(session, JobName.ERASE, Job(account, company.id, receipt.id))
        session.flush()
        session.refresh(receipt)
        return _erasure(receipt)


def erase_objects(clients: Clients, job: Job, *, now: datetime) -> None:
    """Remove every object of an erased company, then its row. Doing it again changes nothing."""
    with clients.database.session(job.account) as session:
        receipt = session.get_one(ErasureRow, (job.account, job.upload))
        if receipt.finished_at is not None:
            return
        company_by_id(session, job.company)
    keys = [stored.key for prefix in receipt.lake_prefixes for stored in clients.store.list(prefix)]
    clients.store.delete(keys)
    clients.store.forget(receipt.lake_prefixes)  # and what the lake no longer had; other machines hear of the receipt
    with clients.database.session(job.account) as session:
        kept = session.get_one(ErasureRow, (job.account, job.upload))
        kept.removed = kept.removed | {"objects": len(keys)}
        kept.finished_at = now
        session.execute(delete(CompanyRow).where(CompanyRow.id == job.company))


def find_erasure(clients: Clients, account: AccountId, erasure: UUID) -> Erasure:
    """The receipt with this id.

    Raises:
        UnknownErasure: the account has none.
    """
    with clients.database.session(account) as session:
        row = session.scalar(select(ErasureRow).where(ErasureRow.id == erasure))
        if row is None:
            raise UnknownErasure(erasure=erasure)
        return _erasure(row)


def _last_erasure(session: Session, cnpj: Cnpj) -> Erasure:
    newest = select(ErasureRow).where(ErasureRow.cnpj == cnpj.text).order_by(ErasureRow.created_at.desc()).limit(1)
    row = session.scalar(newest)
    if row is None:
        raise UnknownCompany(cnpj=cnpj.formatted)
    return _erasure(row)


def _remove(session: Session, table: type[PublishedRow | RunRow | UploadRow], company: UUID) -> int:
    outcome = session.execute(delete(table).where(table.company_id == company))
    return outcome.rowcount if isinstance(outcome, CursorResult) else 0


def _forget_direct(session: Session, account: AccountId, cnpj: Cnpj) -> list[str]:
    rows = session.scalars(select(DirectUploadRow).where(DirectUploadRow.cnpj == cnpj.text)).all()
    for row in rows:
        session.delete(row)
    return [IncomingKeys(account, row.id).folder for row in rows]


def _erasure(row: ErasureRow) -> Erasure:
    return Erasure(*(getattr(row, name) for name in Erasure._fields))
