"""Telling customers' programs what happens to their uploads, to the Standard Webhooks specification.

An event is written down in the transaction that makes it true, delivered by the worker, and tried again for a day.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import httpx2
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.outgoing import post, public_address
from app.core.queue import Job, JobName
from app.core.tables import CompanyRow, WebhookDeliveryRow, WebhookRow
from app.domain.access import Action
from app.domain.errors import ForbiddenAddress, UnknownWebhook
from app.domain.uploads import UploadState
from app.pipeline.audit import Deed, note

# The specification's own example of a schedule: about 28 hours in all.
PAUSES: Final = tuple(timedelta(seconds=s) for s in (5, 300, 1800, 7200, 18000, 36000, 36000))
_SECRET_BYTES: Final = 32
_LOG_LENGTH: Final = 50


class Event(StrEnum):
    """What a webhook can be told of."""

    PUBLISHED = "upload.published"
    FAILED = "upload.failed"


class Webhook(NamedTuple):
    """An address that is told of events."""

    id: UUID
    url: str
    events: list[str]
    created_at: datetime
    disabled_at: datetime | None


class Attempted(NamedTuple):
    """One event and what became of it."""

    id: UUID
    event: str
    payload: dict[str, Any]
    attempts: list[dict[str, Any]]
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None


def make_webhook(
    clients: Clients, account: AccountId, url: str, *, events: Sequence[Event], actor: str
) -> tuple[Webhook, str]:
    """A new webhook, and the secret that its messages are signed with, which is shown this once.

    Raises:
        ForbiddenAddress: the URL is not https, or leads to an address that is not public.
    """
    public_address(url, may_be_private=clients.may_call_private)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    row = WebhookRow(account_id=account, url=url, secret=secret, events=[event.value for event in events])
    with clients.database.session(account) as session:
        session.add(row)
        session.flush()
        session.refresh(row)
        note(session, account, Deed(Action.WEBHOOK_MADE, str(row.id), actor))
        return _webhook(row), secret


def list_webhooks(clients: Clients, account: AccountId) -> list[Webhook]:
    """Every webhook of the account, the oldest first."""
    with clients.database.session(account) as session:
        return [_webhook(row) for row in session.scalars(select(WebhookRow).order_by(WebhookRow.created_at))]


def remove_webhook(clients: Clients, account: AccountId, webhook: UUID, *, actor: str) -> None:
    """Tell this address nothing more; its log goes with it.

    Raises:
        UnknownWebhook: the account has none with this id.
    """
    with clients.database.session(account) as session:
        session.delete(_row(session, webhook))
        note(session, account, Deed(Action.WEBHOOK_REMOVED, str(webhook), actor))


def deliveries(clients: Clients, account: AccountId, webhook: UUID) -> list[Attempted]:
    """The last fifty events of a webhook, the newest first.

    Raises:
        UnknownWebhook: the account has none with this id.
    """
    newest = WebhookDeliveryRow.created_at.desc()
    with clients.database.session(account) as session:
        _row(session, webhook)
        wanted = select(WebhookDeliveryRow).where(WebhookDeliveryRow.webhook_id == webhook)
        return [_attempted(row) for row in session.scalars(wanted.order_by(newest).limit(_LOG_LENGTH))]


def tell(clients: Clients, session: Session, job: Job, state: UploadState, *, now: datetime) -> None:
    """Write down, in the session that moves an upload to its end, whom to tell of it."""
    event = Event(f"upload.{state}")
    listening = select(WebhookRow).where(WebhookRow.events.contains([event.value]), WebhookRow.disabled_at.is_(None))
    for webhook in session.scalars(listening):
        cnpj = session.scalars(select(CompanyRow.cnpj).where(CompanyRow.id == job.company)).one()
        facts = {"upload_id": str(job.upload), "cnpj": cnpj, "state": state.value}
        row = WebhookDeliveryRow(
            account_id=job.account,
            id=uuid4(),
            webhook_id=webhook.id,
            event=event.value,
            payload={"type": event.value, "timestamp": now.isoformat(), "data": facts},
            attempts=[],
            next_attempt_at=now,
        )
        session.add(row)
        clients.queue.enqueue(session, JobName.DELIVER, Job(job.account, row.id, row.id))


def deliver(clients: Clients, job: Job, *, now: datetime) -> None:
    """Try to deliver one event, and ask for the next try if it must be. Any 2xx is a success; 410 ends the webhook."""
    with clients.database.session(job.account) as session:
        row = session.get(WebhookDeliveryRow, (job.account, job.upload))
        webhook = None if row is None else session.get(WebhookRow, (job.account, row.webhook_id))
    if row is None or webhook is None or webhook.disabled_at is not None or row.delivered_at is not None:
        return
    status, error = _post(clients, webhook, row, now=now)
    with clients.database.session(job.account) as session:
        kept = session.get_one(WebhookDeliveryRow, (job.account, job.upload), with_for_update=True)
        kept.attempts = [*kept.attempts, {"at": now.isoformat(), "status": status, "error": error}]
        kept.next_attempt_at = None
        if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            kept.delivered_at = now
        elif status == HTTPStatus.GONE:
            session.get_one(WebhookRow, (job.account, row.webhook_id)).disabled_at = now
        elif len(kept.attempts) <= len(PAUSES):
            kept.next_attempt_at = now + PAUSES[len(kept.attempts) - 1]
            clients.queue.enqueue(session, JobName.DELIVER, job, at=kept.next_attempt_at)


def signature(secret: str, *, message: str, timestamp: int, body: bytes) -> str:
    """Standard Webhooks 1.0, "Signature scheme": HMAC-SHA256 of `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _post(
    clients: Clients, webhook: WebhookRow, row: WebhookDeliveryRow, *, now: datetime
) -> tuple[int | None, str | None]:
    body = json.dumps(row.payload, separators=(",", ":")).encode()
    timestamp, message = int(now.timestamp()), f"msg_{row.id.hex}"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Quantyfy-Webhooks/1",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(webhook.secret, message=message, timestamp=timestamp, body=body),
    }
    try:
        return post(webhook.url, body, headers=headers, may_be_private=clients.may_call_private), None
    except (httpx2.HTTPError, ForbiddenAddress, OSError) as error:
        return None, type(error).__name__


def _row(session: Session, webhook: UUID) -> WebhookRow:
    row = session.scalar(select(WebhookRow).where(WebhookRow.id == webhook))
    if row is None:
        raise UnknownWebhook(webhook=webhook)
    return row


def _webhook(row: WebhookRow) -> Webhook:
    return Webhook(*(getattr(row, name) for name in Webhook._fields))


def _attempted(row: WebhookDeliveryRow) -> Attempted:
    return Attempted(*(getattr(row, name) for name in Attempted._fields))
