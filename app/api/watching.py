"""Waiting for an account's uploads to move on, without asking the database over and over."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from app.core.changes import Changes

_TABLES: Final = frozenset({"uploads", "runs"})


class Watchers:
    """Who waits for which account. Made inside the event loop that waits."""

    def __init__(self, changes: Changes) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self.are_over = False
        changes.subscribe(self._changed, interrupted=self._wake_all)

    def end(self) -> None:
        """Nothing is waited for any more: the service stops."""
        self.are_over = True
        self._wake_all()

    @contextmanager
    def watching(self, account: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever something of the account moves."""
        moved = asyncio.Event()
        self._waiting[account].add(moved)
        try:
            yield moved
        finally:
            self._waiting[account].discard(moved)
            if not self._waiting[account]:
                del self._waiting[account]

    def _changed(self, table: str, account: UUID) -> None:
        if table in _TABLES:
            self._loop.call_soon_threadsafe(self._wake, account)

    def _wake(self, account: UUID) -> None:
        for moved in self._waiting.get(account, ()):
            moved.set()

    def _wake_all(self) -> None:
        if not self._loop.is_closed():
            for account in tuple(self._waiting):
                self._loop.call_soon_threadsafe(self._wake, account)
