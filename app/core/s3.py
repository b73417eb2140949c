"""Objects by URL, `file:///folder` or `s3://bucket/prefix`, behind one interface.

An object is there whole or not at all, and reading one never sees it change, since by default nothing is overwritten.
"""

import os
import secrets
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from app.core.copies import Copies
from app.core.sending import CHUNK, Readable, in_pieces, opened, ready_to_send
from app.domain.errors import STORAGE, ObjectExists, ObjectMissing, Unavailable

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta  # the library has these names for the type checker alone
    from obstore.store import S3Config

_LONGEST_KEY = 1024  # bytes, S3's limit
_LONGEST_NAME = 240  # bytes between two slashes: a file system's 255, less the mark of what is unfinished
_DRAFTS = 10**14  # a number after `#`, by which the local engine knows what is unfinished
_CONNECT = timedelta(seconds=2)
_PATIENCE = timedelta(minutes=5)  # for one request: 500 MB on a line of 2 MB/s
_RETRY_PATIENCE = timedelta(minutes=2)
_RETRIES = 5
_QUICK = timedelta(seconds=5)
_TO_READ = ("endpoint", "region", "access_key_id", "secret_access_key")


@dataclass(frozen=True)
class Credentials:
    """An access key of S3."""

    key_id: str
    secret: str = field(repr=False)


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

    @staticmethod
    def open(
        url: str,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        credentials: Credentials | None = None,
        kms_key: str | None = None,
        copies: Copies | None = None,
    ) -> "Store":
        """The store at `url`; the rest is for S3, where what is not given is found as every AWS program finds it.

        Args:
            url: `file:///folder`, made if it is not there, or `s3://bucket/prefix`.
            endpoint: an S3 server that is not AWS.
            region: of the bucket.
            credentials: instead of the role or variables of the machine.
            kms_key: encrypts new objects; otherwise the bucket's own rule holds.
            copies: where this machine keeps copies of objects, of this store and no other.

        Raises:
            ValueError: the URL is neither.
        """
        parts = urlsplit(url)
        if parts.scheme == "file" and not parts.netloc:
            return _Folder(Path(url2pathname(parts.path)))
        if parts.scheme == "s3" and parts.netloc:
            at = _where(endpoint=endpoint, region=region, credentials=credentials, kms_key=kms_key)
            return _Bucket(parts.netloc, prefix=parts.path.strip("/"), at=at, copies=copies)
        raise ValueError(f"{url!r} is neither file:///folder nor s3://bucket/prefix")

    def put(self, key: str, content: bytes | Path | Readable, *, if_absent: bool = True) -> None:
        """Store `content`, up to 5 GB, in bounded memory; a file must stay as it is until this returns.

        It goes to S3 in one request, a file straight from the disk: S3 would take a larger one in parts, but of several
        writers of one key it must name one the winner, and obstore 0.12 has no such condition for parts.

        Raises:
            ObjectExists: there is one with this key, and it is as it was.
        """
        _check(key)
        with ready_to_send(content) as body, self._in_our_words(key):
            mode: Literal["create", "overwrite"] = "create" if if_absent else "overwrite"
            obstore.put(self._objects, key, body, mode=mode, use_multipart=False)

    def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissing: there is none.
        """
        _check(key)
        with self._in_our_words(key):
            return obstore.get(self._objects, key).bytes().to_bytes()

    def get_range(self, key: str, *, start: int, end: int) -> bytes:
        """As `get(key)[start:end]` for 0 <= start < end, but only these bytes travel.

        Raises:
            ObjectMissing: there is none.
        """
        _check(key)
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
        _check(key)
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
        _check(key)
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
            _check(folder.removesuffix("/"))
        with self._in_our_words(folder):
            for batch in obstore.list(self._objects, folder or None):
                yield from map(_stored, batch)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these objects, as many as there are of them."""
        doomed = [_check(key) for key in keys]
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
        _check(key)
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


class _Folder(Store):
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.url = folder.as_uri()
        self._folder = folder
        # Folders carry company names: an erased company's must go with its last object.
        self._objects = LocalStore(folder, mkdir=True, automatic_cleanup=True)

    def put(self, key: str, content: bytes | Path | Readable, *, if_absent: bool = True) -> None:
        if isinstance(content, bytes):
            super().put(key, content, if_absent=if_absent)
        else:
            self._copy_in(_check(key), content, if_absent=if_absent)
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
        with self._in_our_words(key):
            return (self._folder / _check(key)).open("rb")

    def forget(self, places: Iterable[str]) -> None:
        """There are none."""

    def forget_lost(self) -> None:
        """There are none."""

    def scan_source(self, key: str) -> ScanSource:
        return ScanSource(str(self._folder / _check(key)), None)

    def check(self) -> None:
        if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise Unavailable(part=STORAGE, where=self.url)


class _Bucket(Store):
    """A bucket of S3, or a prefix in it."""

    def __init__(self, bucket: str, *, prefix: str, at: "S3Config", copies: Copies | None) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = prefix
        self._at = at
        self._copies = copies
        self.keeps_copies = copies is not None
        self._allow_http = at.get("endpoint", "").startswith("http:")
        self._objects = self._client(timeout=_PATIENCE, retries=_RETRIES)

    def _client(self, *, timeout: timedelta, retries: int) -> S3Store:
        return S3Store(
            self._bucket,
            prefix=self._prefix or None,
            config=self._at,
            client_options={"timeout": timeout, "connect_timeout": _CONNECT, "allow_http": self._allow_http},
            retry_config={"max_retries": retries, "retry_timeout": _RETRY_PATIENCE},
        )

    def local(self, key: str) -> IO[bytes] | None:
        _check(key)
        return None if self._copies is None else self._copies.open(key, lambda: self._sized(key))

    def _sized(self, key: str) -> tuple[int, Iterator[bytes]]:
        with self._in_our_words(key):
            found = obstore.get(self._objects, key)
        return found.meta["size"], self._pieces(key, found)

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        super().delete(doomed)
        self.forget(doomed)

    def forget(self, places: Iterable[str]) -> None:
        if self._copies is not None:
            self._copies.forget(_check(place) for place in places)

    def forget_lost(self) -> None:
        if self._copies is None:
            return
        for folder, copied in groupby(sorted(self._copies.keys()), key=lambda key: key.rpartition("/")[0]):
            there = {stored.key for stored in self.list(folder)}
            self._copies.forget(key for key in copied if key not in there)

    def scan_source(self, key: str) -> ScanSource:
        """Polars takes the same names of settings, with `aws_` before them."""
        options = {f"aws_{name}": str(value) for name, value in self._at.items() if name in _TO_READ}
        return ScanSource(f"{self.url}/{_check(key)}", {**options, "aws_allow_http": str(self._allow_http).lower()})

    def put_url(self, key: str, *, lasts: timedelta) -> str | None:
        with self._in_our_words(_check(key)):
            return obstore.sign(self._client(timeout=_QUICK, retries=0), "PUT", key, lasts)

    def check(self) -> None:
        with self._in_our_words(""):
            next(iter(obstore.list(self._client(timeout=_QUICK, retries=0), chunk_size=1)), None)


def _where(
    *, endpoint: str | None, region: str | None, credentials: Credentials | None, kms_key: str | None
) -> "S3Config":
    """Only what is given: the library looks for the rest in the machine's variables and roles."""
    where: S3Config = {}
    if endpoint:
        where["endpoint"] = endpoint
    if region:
        where["region"] = region
    if credentials:
        where["access_key_id"] = credentials.key_id
        where["secret_access_key"] = credentials.secret
    if kms_key:
        where |= {"server_side_encryption": "aws:kms", "sse_kms_key_id": kms_key, "sse_bucket_key_enabled": True}
    return where


def _check(key: str) -> str:
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
