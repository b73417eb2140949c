"""How often a caller may ask: the standard headers that say what is left, and tokens spent from this process's block.

Draft `ietf-httpapi-ratelimit-headers-10`: `RateLimit-Policy: "caller";q=600;w=60` and `RateLimit: "caller";r=599;t=1`.
All processes of the service draw on one bucket (`pipeline.rates`); what is left is as the last block was told.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Final
from uuid import UUID

from starlette.types import Scope as AsgiScope

from app.core.clients import Clients
from app.domain.errors import TooManyRequests
from app.pipeline.access import Caller
from app.pipeline.rates import WINDOW_S, lease

_BLOCKS: Final = 20  # a minute's requests come in so many: by one a process may let through too much
_BLOCK_LASTS_S: Final = 5.0
_REMEMBERED: Final = 50_000  # callers

Headers = list[tuple[bytes, bytes]]


@dataclass
class _Block:
    """Tokens of one caller that are this process's to spend, and what the bucket had left when they were taken."""

    tokens: int = 0
    left: float = 0.0
    at: float = -math.inf


class Rates:
    """The blocks of everybody who has asked here lately."""

    def __init__(self, *, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = Lock()
        self._blocks: OrderedDict[UUID, _Block] = OrderedDict()

    def spend(self, scope: AsgiScope, caller: Caller) -> bool:
        """One request of the caller, if the block at hand has a token for it; asks nobody, and so never waits.

        Leaves the headers that say what is left in the request's state.
        """
        with self._lock:
            block = self._blocks.get(caller.id)
            if block is None or block.tokens < 1 or self._clock() - block.at > _BLOCK_LASTS_S:
                return False
            block.tokens -= 1
            scope["state"]["rate_headers"] = self._headers(block, self._quota(caller))
            return True

    def take(self, clients: Clients, scope: AsgiScope, caller: Caller) -> None:
        """One request of the caller, from another block when that at hand is spent or old.

        Raises:
            TooManyRequests: the bucket is empty.
            sqlalchemy.exc.OperationalError: the database does not answer.
        """
        if self.spend(scope, caller):
            return
        quota = self._quota(caller)
        if not self._is_surely_empty(caller.id, quota):
            self._renew(clients, caller, quota)
        if not self.spend(scope, caller):
            with self._lock:
                block = self._blocks[caller.id]
                scope["state"]["rate_headers"] = self._headers(block, quota)
                raise TooManyRequests(seconds=max(1, math.ceil((1 - self._there(block, quota)) * WINDOW_S / quota)))

    def _renew(self, clients: Clients, caller: Caller, quota: int) -> None:
        """Another block; of two requests that find the same one spent, each may bring one."""
        with self._lock:
            block = self._blocks.setdefault(caller.id, _Block())
            self._blocks.move_to_end(caller.id)
            if len(self._blocks) > _REMEMBERED:
                self._blocks.popitem(last=False)
            returned, block.tokens = block.tokens, 0
        got = lease(clients, caller, quota=quota, wanted=max(1, quota // _BLOCKS), returned=returned)
        with self._lock:
            block.tokens += got.granted
            block.left, block.at = got.left, self._clock()

    def _is_surely_empty(self, caller: UUID, quota: int) -> bool:
        """Whether the bucket was found empty and cannot have a token again: other processes only take."""
        with self._lock:
            block = self._blocks.get(caller)
            return block is not None and block.tokens < 1 and self._there(block, quota) < 1

    def _there(self, block: _Block, quota: int) -> float:
        """What the bucket has, for all that is known here."""
        return min(float(quota), block.left + (self._clock() - block.at) * quota / WINDOW_S)

    def _headers(self, block: _Block, quota: int) -> Headers:
        left = min(quota - 1.0, block.tokens + self._there(block, quota))  # a request was just made
        until_full = math.ceil((quota - left) * WINDOW_S / quota)
        return [
            (b"ratelimit-policy", b'"caller";q=%d;w=%d' % (quota, WINDOW_S)),
            (b"ratelimit", b'"caller";r=%d;t=%d' % (left, until_full)),
        ]

    def _quota(self, caller: Caller) -> int:
        return caller.requests_per_minute or self._per_minute
