"""How often logging in may fail, counted in the database, so that every process counts together.

By e-mail from one address, so that guesses from elsewhere do not keep a person out; by address; and by e-mail from all
addresses together, after many more failures.
"""

import hashlib
import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.clients import Clients
from app.core.tables import LoginAttemptRow
from app.domain.errors import TooManyRequests

_FREE = {"both": 5, "address": 50, "email": 100}  # failures before the first wait; an office shares one address
_LONGEST_S = 900
_FORGOTTEN_AFTER = timedelta(hours=24)


def require_patience(clients: Clients, subjects: Iterable[str], *, now: datetime) -> None:
    """Stop here while any of these must wait.

    Raises:
        TooManyRequests: with the seconds that are left.
    """
    waits = [_wait(clients, subject, now=now) for subject in subjects]
    if max(waits) > 0:
        raise TooManyRequests(seconds=math.ceil(max(waits)))


def count_failure(clients: Clients, subjects: Iterable[str], *, now: datetime) -> None:
    """One more failure for each; past the free ones the wait doubles, up to a quarter of an hour."""
    for subject in subjects:
        digest, free = _digest(subject), _FREE[subject.split()[0]]
        with clients.database.presenting("subject", digest) as session:
            first = insert(LoginAttemptRow).values(subject=digest, failures=1, updated_at=now)
            again = {"failures": LoginAttemptRow.failures + 1, "updated_at": now}
            counted = first.on_conflict_do_update(index_elements=["subject"], set_=again)
            failures = session.scalars(counted.returning(LoginAttemptRow.failures)).one()
            if failures >= free:
                row = session.get_one(LoginAttemptRow, digest, populate_existing=True)
                row.blocked_until = now + timedelta(seconds=min(2.0 ** min(failures - free, 20), _LONGEST_S))


def forgive(clients: Clients, subject: str) -> None:
    """Forget the failures of one who has logged in."""
    digest = _digest(subject)
    with clients.database.presenting("subject", digest) as session:
        row = session.get(LoginAttemptRow, digest)
        if row is not None:
            session.delete(row)


def _wait(clients: Clients, subject: str, *, now: datetime) -> float:
    digest = _digest(subject)
    with clients.database.presenting("subject", digest) as session:
        row = session.scalar(select(LoginAttemptRow).where(LoginAttemptRow.subject == digest))
        if row is not None and now - row.updated_at > _FORGOTTEN_AFTER:
            session.delete(row)
            return 0.0
    return 0.0 if row is None or row.blocked_until is None else (row.blocked_until - now).total_seconds()


def _digest(subject: str) -> bytes:
    return hashlib.sha256(subject.encode(errors="surrogateescape")).digest()
