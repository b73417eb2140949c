"""The first answer to a request is the answer to its repetitions (draft-ietf-httpapi-idempotency-key-header-07)."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.tables import IdempotencyKeyRow
from app.domain.errors import OtherRequestWithThisKey, StillRunning

_ABANDONED_AFTER: Final = timedelta(minutes=15)  # whoever began it died without an answer


class Reply(NamedTuple):
    """An answer, as it is kept."""

    status: int
    headers: dict[str, Any]
    body: bytes


def fingerprint(*parts: str | bytes) -> bytes:
    """What tells one request from another."""
    digest = hashlib.sha256()
    for part in parts:
        said = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        digest.update(len(said).to_bytes(8) + said)
    return digest.digest()


def once(
    clients: Clients,
    account: AccountId,
    key: str,
    act: Callable[[], Reply],
    *,
    asked: bytes,
    now: datetime,
) -> Reply:
    """Act, or give the answer that acting had the first time. What raises is not remembered, and may be tried again.

    Raises:
        OtherRequestWithThisKey: the key came with another request before.
        StillRunning: the first request is being worked on.
    """
    earlier = _begin(clients, account, key, asked=asked, now=now)
    if earlier is not None:
        return earlier
    try:
        reply = act()
    except BaseException:
        with clients.database.session(account) as session:
            session.execute(delete(IdempotencyKeyRow).where(IdempotencyKeyRow.key == key))
        raise
    with clients.database.session(account) as session:
        row = session.get_one(IdempotencyKeyRow, (account, key))
        row.status, row.headers, row.body = reply
    return reply


def _begin(clients: Clients, account: AccountId, key: str, *, asked: bytes, now: datetime) -> Reply | None:
    fresh = {"account_id": account, "key": key, "fingerprint": asked, "created_at": now}
    with clients.database.session(account) as session:
        abandoned = (IdempotencyKeyRow.key == key, IdempotencyKeyRow.created_at < now - _ABANDONED_AFTER)
        session.execute(delete(IdempotencyKeyRow).where(*abandoned, IdempotencyKeyRow.status.is_(None)))
        begun = insert(IdempotencyKeyRow).values(fresh).on_conflict_do_nothing().returning(IdempotencyKeyRow.key)
        if session.scalar(begun) is not None:
            return None
        row = session.scalars(select(IdempotencyKeyRow).where(IdempotencyKeyRow.key == key)).one()
    if row.fingerprint != asked:
        raise OtherRequestWithThisKey
    if row.status is None:
        raise StillRunning
    return Reply(row.status, row.headers or {}, row.body or b"")
