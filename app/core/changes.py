"""What has changed, as PostgreSQL announces it at commit: how a process may remember answers and still be right."""

import threading
from collections.abc import Callable
from typing import Final, Self
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from app.core.database import Database

_CHANNEL: Final = "quantyfy_changes"
_GLANCE_S: Final = 1.0
_PAUSE_S: Final = 0.5

Listener = Callable[[str, UUID], None]
"""Told of a table and the account whose rows in it have changed."""


class Changes(threading.Thread):
    """Listens as long as the block lasts. While `is_listening` is false, nothing that was remembered may be trusted."""

    def __init__(self, database: Database) -> None:
        super().__init__(name="changes", daemon=True)
        self.is_listening = False
        self._database = database
        self._over = threading.Event()
        self._listeners: list[Listener] = []
        self._interruptions: list[Callable[[], None]] = []

    def subscribe(self, listener: Listener, *, interrupted: Callable[[], None]) -> None:
        """Tell `listener` of every change, and `interrupted` when some may have been missed."""
        self._interruptions.append(interrupted)
        self._listeners.append(listener)

    def run(self) -> None:
        """Listen, and after an interruption listen again."""
        while not self._over.is_set():
            try:
                self._listen()
            except (psycopg.Error, SQLAlchemyError):
                self._interrupt()
                self._over.wait(_PAUSE_S)

    def _listen(self) -> None:
        with self._database.connection_of_its_own() as connection:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(_CHANNEL)))
            self._interrupt()  # what was said before nobody heard
            self.is_listening = True
            while not self._over.is_set():
                for change in connection.notifies(timeout=_GLANCE_S):
                    self._tell(change.payload)
                    if self._over.is_set():
                        break

    def _tell(self, payload: str) -> None:
        table, _, account = payload.partition(" ")
        for listener in self._listeners:
            listener(table, UUID(account))

    def _interrupt(self) -> None:
        self.is_listening = False
        for interrupted in self._interruptions:
            interrupted()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        self._interrupt()
