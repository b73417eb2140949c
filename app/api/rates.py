"""How often a caller may ask: a bucket of tokens for each, and the standard headers that say what is left.

Draft `ietf-httpapi-ratelimit-headers-10`: `RateLimit-Policy: "caller";q=600;w=60` and `RateLimit: "caller";r=599;t=1`.
The buckets are this process's own: with several processes behind one address a caller has one in each.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from starlette.types import Scope as AsgiScope

from app.domain.errors import TooManyRequests
from app.pipeline.access import Caller

WINDOW_S: Final = 60
_REMEMBERED: Final = 50_000  # callers; who has not asked for long has a full bucket anyway

Headers = list[tuple[bytes, bytes]]


class _Bucket(NamedTuple):
    tokens: float
    at: float


class Rates:
    """The buckets of everybody who has asked lately."""

    def __init__(self, *, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[UUID, _Bucket] = OrderedDict()

    def take(self, scope: AsgiScope, caller: Caller) -> None:
        """One request of the caller; leaves the headers that say so in the request's state.

        Raises:
            TooManyRequests: the bucket is empty.
        """
        quota = caller.requests_per_minute or self._per_minute
        tokens = self._left(caller.id, quota)
        taken = tokens >= 1
        left = tokens - 1 if taken else tokens
        self._keep(caller.id, left)
        scope["state"]["rate_headers"] = _headers(quota, left)
        if not taken:
            raise TooManyRequests(seconds=math.ceil((1 - left) * WINDOW_S / quota))

    def _left(self, caller: UUID, quota: int) -> float:
        known = self._buckets.get(caller)
        if known is None:
            return float(quota)
        return min(quota, known.tokens + (self._clock() - known.at) * quota / WINDOW_S)

    def _keep(self, caller: UUID, tokens: float) -> None:
        self._buckets[caller] = _Bucket(tokens, self._clock())
        self._buckets.move_to_end(caller)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)


def _headers(quota: int, left: float) -> Headers:
    until_full = math.ceil((quota - left) * WINDOW_S / quota)
    return [
        (b"ratelimit-policy", b'"caller";q=%d;w=%d' % (quota, WINDOW_S)),
        (b"ratelimit", b'"caller";r=%d;t=%d' % (left, until_full)),
    ]
