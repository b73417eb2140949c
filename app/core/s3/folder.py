"""Objects in a folder of this machine: what a laptop has for a lake."""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from obstore.store import LocalStore

from app.core.s3.store import ScanSource, Store, checked
from app.core.sending import Readable, in_pieces, opened
from app.domain.errors import STORAGE, Unavailable

_DRAFTS = 10**14  # a number after `#`, by which the local engine knows what is unfinished


class Folder(Store):
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.url = folder.as_uri()
        self._folder = folder
        # Folders carry company names: an erased company's must go with its last object.
        self._objects = LocalStore(folder, mkdir=True, automatic_cleanup=True)

    def put(self, key: str, content: bytes | Path | Readable, *, if_absent: bool = True) -> None:
        """As `Store` says; a large file a piece at a time."""
        if isinstance(content, bytes):
            super().put(key, content, if_absent=if_absent)
        else:
            self._copy_in(checked(key), content, if_absent=if_absent)
        self._write_through(key)

    def _copy_in(self, key: str, content: Path | Readable, *, if_absent: bool) -> None:
        """As the local engine puts bytes, by a draft that gets its name at the end, but a piece at a time."""
        path = self._folder / key
        draft = path.with_name(f"{path.name}#{secrets.randbelow(_DRAFTS)}")
        place = os.link if if_absent else os.replace
        try:
            with opened(content) as stream, self._new_file(draft) as file:
                for piece in in_pieces(stream):  # what fails in reading is the stream's own error
                    with self._in_our_words(key):
                        file.write(piece)
                        file.flush()
            with self._in_our_words(key):
                place(draft, path)
        finally:
            with self._in_our_words(key):
                draft.unlink(missing_ok=True)

    def _new_file(self, path: Path) -> IO[bytes]:
        """A file that was not there; its folder may be removed, as empty, while we look."""
        with self._in_our_words(path.name):
            while True:
                path.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):
                    return path.open("xb")

    def _write_through(self, key: str) -> None:
        """A power cut must not take what the database is about to point to: neither the bytes nor the names."""
        path = self._folder / key
        for place in (path, *list(path.parents)[: key.count("/") + 1]):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def local(self, key: str) -> IO[bytes]:
        """The object itself."""
        with self._in_our_words(key):
            return (self._folder / checked(key)).open("rb")

    def forget(self, places: Iterable[str]) -> None:
        """There are none."""

    def forget_lost(self) -> None:
        """There are none."""

    def scan_source(self, key: str) -> ScanSource:
        """By its path."""
        return ScanSource(str(self._folder / checked(key)), None)

    def check(self) -> None:
        """Whether it can be read and written."""
        if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise Unavailable(part=STORAGE, where=self.url)
