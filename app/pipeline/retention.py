"""What nothing needs any more goes, every night: old raw files, objects that nothing points to, what has expired."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, select

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys, is_receipt
from app.core.tables import (
    AccountRow,
    AuditRow,
    Base,
    DirectUploadRow,
    IdempotencyKeyRow,
    PublishedRow,
    RateBucketRow,
    UploadRow,
    UserSessionRow,
    UserTokenRow,
    WebhookDeliveryRow,
)
from app.domain.access import Action
from app.pipeline.audit import SYSTEM, Deed, note
from app.pipeline.companies import Company, list_companies
from app.utils.logger import get_logger

RAW_STAYS: Final = timedelta(days=90)
_UNPOINTED_STAYS: Final = timedelta(days=2)  # who reads a run that was just replaced still finds its objects
_IDEMPOTENCY_STAYS: Final = timedelta(hours=24)
_DELIVERIES_STAY: Final = timedelta(days=30)
_BUCKETS_STAY: Final = timedelta(hours=1)  # a bucket is full again after a minute
_AUDIT_STAYS: Final = timedelta(days=366)  # PostgreSQL itself refuses to let younger lines go


def tidy(clients: Clients, *, now: datetime, raw_stays: timedelta = RAW_STAYS) -> None:
    """Go from account to account. One that fails is reported and does not keep the others waiting."""
    with clients.database.housekeeping() as session:
        accounts = session.scalars(select(AccountRow.id)).all()
    for account in map(AccountId, accounts):
        try:
            tidy_account(clients, account, now=now, raw_stays=raw_stays)
        except Exception as error:  # noqa: BLE001  whatever it is, the next account is not to blame
            get_logger().error("tidying failed", exc_info=error)


def tidy_account(clients: Clients, account: AccountId, *, now: datetime, raw_stays: timedelta = RAW_STAYS) -> None:
    """Remove what has had its time in one account. Doing it again changes nothing."""
    _expire_rows(clients, account, now=now)
    _expire_raw(clients, account, older_than=now - raw_stays, now=now)
    for company in list_companies(clients, account):
        clients.store.delete(_unpointed(clients, account, company, older_than=now - _UNPOINTED_STAYS))
        clients.store.delete(_forsaken(clients, account, company, older_than=now - _UNPOINTED_STAYS))


def _expire_rows(clients: Clients, account: AccountId, *, now: datetime) -> None:
    dead: list[tuple[type[Base], ColumnElement[bool]]] = [
        (IdempotencyKeyRow, IdempotencyKeyRow.created_at < now - _IDEMPOTENCY_STAYS),
        (UserTokenRow, UserTokenRow.expires_at < now),
        (UserSessionRow, UserSessionRow.expires_at < now),
        (WebhookDeliveryRow, WebhookDeliveryRow.created_at < now - _DELIVERIES_STAY),
        (RateBucketRow, RateBucketRow.updated_at < now - _BUCKETS_STAY),
        (AuditRow, AuditRow.created_at < now - _AUDIT_STAYS),
    ]
    with clients.database.session(account) as session:
        late = session.scalars(select(DirectUploadRow).where(DirectUploadRow.expires_at < now)).all()
        for row in late:
            folder = IncomingKeys(account, row.id).folder
            clients.store.delete([stored.key for stored in clients.store.list(folder)])
            session.delete(row)
        for table, condition in dead:
            session.execute(delete(table).where(condition))


def _expire_raw(clients: Clients, account: AccountId, *, older_than: datetime, now: datetime) -> None:
    with clients.database.session(account) as session:
        old = session.scalars(select(UploadRow).where(UploadRow.created_at < older_than)).all()
        for row in old:
            keys = [file["key"] for file in row.files if "removed_at" not in file]
            if keys:
                clients.store.delete(keys)
                row.files = [{"removed_at": now.isoformat()} | file for file in row.files]
                note(session, account, Deed(Action.EXPIRED, str(row.id), SYSTEM, {"objects": len(keys)}))


def _unpointed(clients: Clients, account: AccountId, company: Company, *, older_than: datetime) -> Iterator[str]:
    """Objects of processed/ and predictions/ that no row names, of before a moment."""
    with clients.database.session(account) as session:
        current = set(session.scalars(select(PublishedRow.key).where(PublishedRow.company_id == company.id)))
    for folder in company.keys.folders:
        if not folder.startswith("raw/"):
            for stored in list(clients.store.list(folder)):
                if stored.key not in current and stored.modified < older_than:
                    yield stored.key


def _forsaken(clients: Clients, account: AccountId, company: Company, *, older_than: datetime) -> list[str]:
    """Files in raw/ that no upload names: whoever received them died before it said so."""
    old = [
        stored.key
        for stored in clients.store.list(company.keys.folder("raw"))
        if stored.modified < older_than and not is_receipt(stored.key)
    ]
    with clients.database.session(account) as session:
        uploads = session.scalars(select(UploadRow.files).where(UploadRow.company_id == company.id))
        named = {file["key"] for files in uploads for file in files}
    return [key for key in old if key not in named]
