"""Objects in a bucket of S3, with the machine's own credentials or given ones, and copies of them at hand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import IO, TYPE_CHECKING

import obstore
from obstore.store import S3Store

from app.core.copies import Copies
from app.core.s3.store import ScanSource, Store, checked

if TYPE_CHECKING:
    from obstore.store import S3Config  # the library has this name for the type checker alone

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


class Bucket(Store):
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
        """The copy of it, made now if need be."""
        checked(key)
        return None if self._copies is None else self._copies.open(key, lambda: self._sized(key))

    def _sized(self, key: str) -> tuple[int, Iterator[bytes]]:
        with self._in_our_words(key):
            found = obstore.get(self._objects, key)
        return found.meta["size"], self._pieces(key, found)

    def delete(self, keys: Iterable[str]) -> None:
        """With the copies that are here."""
        doomed = list(keys)
        super().delete(doomed)
        self.forget(doomed)

    def forget(self, places: Iterable[str]) -> None:
        """Of the copies that are here."""
        if self._copies is not None:
            self._copies.forget(checked(place) for place in places)

    def forget_lost(self) -> None:
        """By one listing a folder of copies."""
        if self._copies is None:
            return
        for folder, copied in groupby(sorted(self._copies.keys()), key=lambda key: key.rpartition("/")[0]):
            there = {stored.key for stored in self.list(folder)}
            self._copies.forget(key for key in copied if key not in there)

    def scan_source(self, key: str) -> ScanSource:
        """Polars takes the same names of settings, with `aws_` before them."""
        options = {f"aws_{name}": str(value) for name, value in self._at.items() if name in _TO_READ}
        return ScanSource(f"{self.url}/{checked(key)}", {**options, "aws_allow_http": str(self._allow_http).lower()})

    def put_url(self, key: str, *, lasts: timedelta) -> str | None:
        """Signed with our credentials, asked without patience."""
        with self._in_our_words(checked(key)):
            return obstore.sign(self._client(timeout=_QUICK, retries=0), "PUT", key, lasts)

    def check(self) -> None:
        """By one listing of one object."""
        with self._in_our_words(""):
            next(iter(obstore.list(self._client(timeout=_QUICK, retries=0), chunk_size=1)), None)


def where(
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
