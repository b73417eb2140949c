"""What every store of objects does, whatever it is kept in.

An object is there whole or not at all, and reading one never sees it change, since by default nothing is overwritten.
"""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from app.core.sending import CHUNK, Readable, ready_to_send
from app.domain.errors import STORAGE, ObjectExists, ObjectMissing, Unavailable

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta  # the library has these names for the type checker alone

_LONGEST_KEY = 1024  # bytes, S3's limit
_LONGEST_NAME = 240  # bytes between two slashes: a file system's 255, less the mark of what is unfinished


class StoredObject(NamedTuple):
    """What a listing says about an object."""

    key: str
    size: int
    modified: datetime


class ScanSource(NamedTuple):
    """What `polars.scan_parquet(source.url, storage_options=source.options, glob=False)` needs."""

    url: str
    options: dict[str, str] | None


class Store(ABC):
    """A folder of objects. A key is a relative path: `raw/padaria/12ABC34501DE35/2026/11/22/vendas.csv`.

    Every method that takes a key raises `ValueError` for one that is no plain relative path, and `Unavailable` when the
    engine does not answer or refuses us; the engine's own error is the cause of that.
    """

    url: str
    keeps_copies = False
    _objects: LocalStore | S3Store

    def put(self, key: str, content: bytes | Path | Readable, *, if_absent: bool = True) -> None:
        """Store `content`, up to 5 GB, in bounded memory; a file must stay as it is until this returns.

        It goes to S3 in one request, a file straight from the disk: S3 would take a larger one in parts, but of several
        writers of one key it must name one the winner, and obstore 0.12 has no such condition for parts.

        Raises:
            ObjectExists: there is one with this key, and it is as it was.
        """
        checked(key)
        with ready_to_send(content) as body, self._in_our_words(key):
            mode: Literal["create", "overwrite"] = "create" if if_absent else "overwrite"
            obstore.put(self._objects, key, body, mode=mode, use_multipart=False)

    def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissing: there is none.
        """
        checked(key)
        with self._in_our_words(key):
            return obstore.get(self._objects, key).bytes().to_bytes()

    def get_range(self, key: str, *, start: int, end: int) -> bytes:
        """As `get(key)[start:end]` for 0 <= start < end, but only these bytes travel.

        Raises:
            ObjectMissing: there is none.
        """
        checked(key)
        with self._in_our_words(key):
            try:
                return obstore.get_range(self._objects, key, start=start, end=end).to_bytes()
            except BaseError:
                if self.head(key).size <= start:
                    return b""
                raise

    def stream(self, key: str) -> Iterator[bytes]:
        """The object in pieces of about a megabyte.

        Raises:
            ObjectMissing: there is none; said at once, not with the first piece.
        """
        checked(key)
        with self._in_our_words(key):
            found = obstore.get(self._objects, key)
        return self._pieces(key, found)

    def _pieces(self, key: str, found: "GetResult") -> Iterator[bytes]:
        with self._in_our_words(key):
            for piece in found.stream(min_chunk_size=CHUNK):
                yield bytes(piece)

    def download(self, key: str, path: Path) -> None:
        """Write the object to `path`, which is there whole or not at all.

        Raises:
            ObjectMissing: there is none.
        """
        pieces = self.stream(key)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            draft = Path(folder, "draft")
            with draft.open("wb") as file:
                file.writelines(pieces)
            draft.replace(path)

    def head(self, key: str) -> StoredObject:
        """Size and time of the object.

        Raises:
            ObjectMissing: there is none.
        """
        checked(key)
        with self._in_our_words(key):
            return _stored(obstore.head(self._objects, key))

    def exists(self, key: str) -> bool:
        """Whether there is an object with this key."""
        try:
            self.head(key)
        except ObjectMissing:
            return False
        return True

    def list(self, folder: str = "") -> Iterator[StoredObject]:
        """Every object below `folder` (`raw/padaria`, not the beginning of a name), in no promised order."""
        if folder:
            checked(folder.removesuffix("/"))
        with self._in_our_words(folder):
            for batch in obstore.list(self._objects, folder or None):
                yield from map(_stored, batch)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these objects, as many as there are of them."""
        doomed = [checked(key) for key in keys]
        with self._in_our_words(", ".join(doomed[:3])):
            try:
                obstore.delete(self._objects, doomed)
            except FileNotFoundError:  # a folder stops at the first that is missing
                for key in doomed:
                    with suppress(FileNotFoundError):
                        obstore.delete(self._objects, key)

    @abstractmethod
    def local(self, key: str) -> IO[bytes] | None:
        """The object as an open file of this machine, which the caller closes; None if it is not to be had as one.

        Only for objects that are never written again: a copy is not compared with what is in the bucket.

        Raises:
            ObjectMissing: there is none; a copy may outlive its object for a moment.
        """

    @abstractmethod
    def forget(self, places: Iterable[str]) -> None:
        """Remove the copies that this machine has of these objects, or of all in these folders."""

    @abstractmethod
    def forget_lost(self) -> None:
        """Remove the copies that this machine has of objects that are no longer there."""

    @abstractmethod
    def scan_source(self, key: str) -> ScanSource:
        """How Polars reads this object by itself, only the columns and row groups it needs."""

    def put_url(self, key: str, *, lasts: timedelta) -> str | None:
        """An address to which anyone who has it may PUT this object for a while; None where there is no such thing."""
        del lasts
        checked(key)
        return None

    @abstractmethod
    def check(self) -> None:
        """Ask, within seconds, whether the store can be used.

        Raises:
            Unavailable: it cannot.
        """

    @contextmanager
    def _in_our_words(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectMissing(key=key) from error
        except (AlreadyExistsError, FileExistsError) as error:
            raise ObjectExists(key=key) from error
        except (BaseError, OSError) as error:
            raise Unavailable(part=STORAGE, where=self.url) from error


def checked(key: str) -> str:
    """The key, which is a relative path of plain names.

    Raises:
        ValueError: it has an empty, `.` or `..` name, a control character, a backslash, or a `#` (by which the local
            engine knows what is unfinished), or is too long for S3 or for a file system.
    """
    names = key.split("/")
    if not key.isprintable() or {"\\", "#"} & set(key) or {"", ".", ".."} & set(names):
        raise ValueError(f"not a key: {key!r}")
    if len(key.encode()) > _LONGEST_KEY or any(len(name.encode()) > _LONGEST_NAME for name in names):
        raise ValueError(f"not a key, too long: {key!r}")
    return key


def _stored(meta: "ObjectMeta") -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["last_modified"])
