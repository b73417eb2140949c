"""Copies of a far lake's objects on this machine's disk: up to a size, whole or not at all, gone when their object is.

Objects never change, so a copy is right for as long as it is there. Several processes may share a folder: it is they
together who keep to its size. A key is a path in it, and so one company's copies never stand for another's.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO, Final, NamedTuple

from app.utils.logger import get_logger
from app.utils.metrics import COPIES

_LARGEST_SHARE: Final = 4  # an object over a quarter of the room would push out what many readers share
_DRAFT_LASTS_S: Final = 3600.0  # whoever wrote an older one is dead
_LANES: Final = 64
_TRIES: Final = 100

Fetch = Callable[[], tuple[int, Iterator[bytes]]]
"""The object's size and its bytes, asked for when there is no copy."""


class _File(NamedTuple):
    used: float
    size: int
    path: Path


@dataclass(eq=False)
class _Making:
    """A copy under way; once its place is forgotten it is not wanted any more."""

    key: str
    is_wanted: bool = True


class Copies:
    """A folder of copies that together, unfinished ones too, have at most `limit` bytes."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        self._limit = limit
        self._finished = folder / "objects"
        self._drafts = folder / "drafts"
        for part in (folder, self._finished, self._drafts):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._room = folder / "lock"
        self._lanes = [Lock() for _ in range(_LANES)]  # one fetches, those who want the same wait for it
        self._placing = Lock()
        self._under_way: set[_Making] = set()

    def open(self, key: str, fetch: Fetch) -> IO[bytes] | None:
        """The copy of an object, made now if there is none; None if there may be none. The caller closes it.

        Whoever has it open may go on reading, whatever becomes of the copy.

        Raises:
            Whatever `fetch` does.
        """
        path = self._finished / key
        with self._lanes[hash(key) % _LANES]:
            found = _opened(path)
            if found is not None:
                COPIES.labels("found").inc()
                return found
            made = self._make(key, fetch)
            COPIES.labels("passed" if made is None else "made").inc()
            return made

    def forget(self, places: Iterable[str]) -> None:
        """Remove the copies at these keys and in these folders; what is being copied from there now does not stay."""
        for place in places:
            with self._placing:
                for making in self._under_way:
                    making.is_wanted &= making.key != place and not making.key.startswith(f"{place}/")
                _removed(self._finished / place)
                _without_empty_folders(self._finished / place, up_to=self._finished)

    def keys(self) -> list[str]:
        """The keys of everything there is a copy of."""
        return [file.path.relative_to(self._finished).as_posix() for file in _files(self._finished)]

    def _make(self, key: str, fetch: Fetch) -> IO[bytes] | None:
        with self._begun(key) as making:
            return self._made(making, *fetch())

    @contextmanager
    def _begun(self, key: str) -> Iterator[_Making]:
        making = _Making(key)
        with self._placing:
            self._under_way.add(making)
        try:
            yield making
        finally:
            with self._placing:
                self._under_way.remove(making)

    def _made(self, making: _Making, size: int, pieces: Iterator[bytes]) -> IO[bytes] | None:
        try:
            draft = self._draft(size)
            if draft is None:
                return None
            try:
                return self._fill(draft, making, size=size, pieces=pieces)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:  # a full or broken disk is no reason not to answer: the object is still in the lake
            get_logger().warning("no copy", error=type(error).__name__, errno=error.errno)
            return None

    def _draft(self, size: int) -> Path | None:
        """An unfinished copy that has its size already, and so counts; None if there is no room for it."""
        if size * _LARGEST_SHARE > self._limit:
            return None
        with self._in_turn():
            if not self._make_room(size):
                return None
            descriptor, name = tempfile.mkstemp(dir=self._drafts)
            with os.fdopen(descriptor, "wb") as file:
                file.truncate(size)
            return Path(name)

    def _make_room(self, size: int) -> bool:
        """Remove what was not used for longest until so much more may come."""
        drafts = [file for file in _files(self._drafts) if not self._is_left_behind(file)]
        there = sorted(_files(self._finished))
        taken = sum(file.size for file in [*drafts, *there]) + size
        for file in there:
            if taken <= self._limit:
                break
            _removed(file.path)
            _without_empty_folders(file.path, up_to=self._finished)
            taken -= file.size
        return taken <= self._limit

    def _is_left_behind(self, draft: _File) -> bool:
        if time.time() - draft.used < _DRAFT_LASTS_S:
            return False
        _removed(draft.path)
        return True

    def _fill(self, draft: Path, making: _Making, *, size: int, pieces: Iterator[bytes]) -> IO[bytes] | None:
        with draft.open("r+b") as file:
            for piece in pieces:
                file.write(piece)
            if file.tell() != size:
                return None  # cut on its way
            file.flush()
            os.fsync(file.fileno())  # a power cut must not leave a copy that is empty
        with self._placing:
            if not making.is_wanted:
                return None
            path = self._finished / making.key
            _placed(draft, path)
            return _opened(path)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """One process at a time looks at what there is and decides what goes."""
        with self._room.open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _opened(path: Path) -> IO[bytes] | None:
    """Opened and marked as used, or None."""
    with suppress(FileNotFoundError):
        file = path.open("rb")
        os.utime(file.fileno())
        return file
    return None


def _placed(draft: Path, path: Path) -> None:
    while True:  # the folder may be removed, as empty, while we look
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            draft.replace(path)
            return


def _removed(place: Path) -> None:
    """A copy or a folder of them; another process may be at it too."""
    with suppress(FileNotFoundError):
        if not place.is_dir():
            place.unlink()
            return
    for _ in range(_TRIES):
        shutil.rmtree(place, ignore_errors=True)
        if not place.exists():
            return
    shutil.rmtree(place)


def _without_empty_folders(place: Path, *, up_to: Path) -> None:
    """Folders bear companies' names: they go with what was in them."""
    for folder in place.parents:
        if folder == up_to:
            return
        try:
            folder.rmdir()
        except OSError:  # something is in it
            return


def _files(folder: Path) -> Iterator[_File]:
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                path = Path(root, name)
                about = path.stat()
                yield _File(about.st_mtime, about.st_size, path)
