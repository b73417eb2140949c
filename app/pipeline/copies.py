"""What this process keeps of the lake, in memory and on its disk, follows what is erased by any process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core.changes import Changes
from app.core.clients import Clients
from app.core.database import AccountId
from app.core.tables import ErasureRow
from app.domain.errors import AppError
from app.pipeline.reading.objects import forget_frames
from app.utils.logger import get_logger

_GLANCE_S: Final = 1.0


def forget_erased(clients: Clients, account: AccountId) -> None:
    """Remove what is kept here of every company that the account has erased. Doing it again changes nothing."""
    with clients.database.session(account) as session:
        receipts = session.scalars(select(ErasureRow.lake_prefixes)).all()
    for folders in receipts:
        forget_frames(clients.store, folders)
        clients.store.forget(folders)


@contextmanager
def following_erasures(clients: Clients, changes: Changes) -> Iterator[None]:
    """As long as the block lasts, what is erased goes from here within moments.

    PostgreSQL announces each receipt when it is written, and when its objects are gone. What nobody heard, before the
    start or while the database was away, is found by asking the lake what is still there.
    """
    follower = _Follower(clients, changes)
    follower.start()
    try:
        yield
    finally:
        follower.end()


class _Follower(threading.Thread):
    """Does what was announced, one after the other, so that who listens to announcements need not wait for disks."""

    def __init__(self, clients: Clients, changes: Changes) -> None:
        super().__init__(name="erasures", daemon=True)
        self._clients = clients
        self._changes = changes
        self._erased: SimpleQueue[AccountId | None] = SimpleQueue()
        self._may_have_missed = threading.Event()
        self._may_have_missed.set()
        self._over = threading.Event()
        changes.subscribe(self._changed, interrupted=self._may_have_missed.set)

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._look()
            except (AppError, SQLAlchemyError) as error:  # the lake or the database is away: once more, later
                get_logger().warning("copies not looked through", error=type(error).__name__)
                self._may_have_missed.set()
                self._over.wait(_GLANCE_S)

    def end(self) -> None:
        self._over.set()
        self._erased.put(None)
        self.join()

    def _look(self) -> None:
        try:
            account = self._erased.get(timeout=_GLANCE_S)
        except Empty:
            if self._changes.is_listening and self._may_have_missed.is_set():
                self._may_have_missed.clear()
                self._clients.store.forget_lost()
            return
        if account is not None:
            forget_erased(self._clients, account)

    def _changed(self, table: str, account: UUID) -> None:
        if table == ErasureRow.__tablename__:
            self._erased.put(AccountId(account))
