"""How often a caller may ask, over all processes of the service: each takes tokens by the block from one bucket.

A block is spent without asking anybody; what is not spent within seconds is given back. See docs/decisions/0012.
"""

from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Double, case, cast, func
from sqlalchemy.dialects.postgresql import insert

from app.core.clients import Clients
from app.core.tables import RateBucketRow
from app.pipeline.access import Caller

WINDOW_S: Final = 60


class Lease(NamedTuple):
    """Tokens that a process may spend, and what the bucket has beside them."""

    granted: int
    left: float


def lease(clients: Clients, caller: Caller, *, quota: int, wanted: int, returned: int = 0) -> Lease:
    """Up to `wanted` of the caller's tokens, after those of the lease before that were not spent are back.

    The bucket holds `quota` tokens and fills at `quota` a minute, by PostgreSQL's clock: machines need not agree.
    """
    row = {"account_id": caller.account, "caller_id": caller.id}
    fresh = insert(RateBucketRow).values(row | _spent(cast(quota, Double), wanted))
    kept = fresh.on_conflict_do_update(
        index_elements=RateBucketRow.__mapper__.primary_key, set_=_spent(_there(quota, returned), wanted)
    )
    with clients.database.session(caller.account) as session:
        answer = session.execute(kept.returning(RateBucketRow.granted, RateBucketRow.tokens)).one()
    return Lease(*answer)


def _there(quota: int, returned: int) -> ColumnElement[float]:
    """What is in the bucket now. Who waited for the row may have begun before it was last written."""
    since = func.greatest(0.0, func.extract("epoch", func.clock_timestamp() - RateBucketRow.updated_at))
    filled = RateBucketRow.tokens + returned + cast(since, Double) * quota / WINDOW_S
    return func.least(cast(quota, Double), filled)


def _spent(there: ColumnElement[float], wanted: int) -> dict[str, Any]:
    granted = case((there >= wanted, cast(wanted, Double)), else_=func.floor(there))
    return {"tokens": there - granted, "granted": granted, "updated_at": func.clock_timestamp()}
