"""Which key holds what, for one company. The only builder of keys."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

from app.domain.cnpj import Cnpj
from app.domain.errors import InvalidCnpj
from app.domain.uploads import Table

Layer = Literal["raw", "processed", "predictions"]

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_RECEIPT = re.compile(r"(raw/.+/envio|processed/.+/preparo)_[^/]+\.json")
_OF_COMPANIES: tuple[Layer, ...] = ("predictions", "processed", "raw")
_KIND = re.compile(r"[a-z]+(_[a-z]+)*")


@dataclass(frozen=True)
class IncomingKeys:
    """Keys of one delivery straight to the bucket: `incoming/{account}/{upload_id}/{name}`."""

    account: UUID
    upload: UUID

    @property
    def folder(self) -> str:
        """Where all of it lies."""
        return f"incoming/{self.account}/{self.upload}"

    @property
    def manifest(self) -> str:
        """Whose files they are and which."""
        return self.file("envio.json")

    def file(self, name: str) -> str:
        """One file, by the plain name that the manifest gives it."""
        return f"{self.folder}/{name}"


def incoming_of(key: str) -> IncomingKeys:
    """The delivery that an object belongs to.

    Raises:
        ValueError: the key is not one of `incoming/{account}/{upload_id}/{name}`.
    """
    layer, account, upload, name = _split(key, 4)
    keys = IncomingKeys(_uuid(account, key), _uuid(upload, key))
    if layer != "incoming" or keys.file(name) != key:
        raise _outside(key)
    return keys


def company_of(key: str) -> "CompanyKeys":
    """The company beneath whose prefix an object of `raw/`, `processed/` or `predictions/` lies.

    Raises:
        ValueError: the key lies beneath none.
    """
    layer, slug, cnpj, _ = _split(key, 4)
    if layer not in _OF_COMPANIES:
        raise _outside(key)
    try:
        return CompanyKeys(slug=slug, cnpj=Cnpj(cnpj))
    except (InvalidCnpj, ValueError) as error:
        raise _outside(key) from error


def is_receipt(key: str) -> bool:
    """Whether an object asks for a stage."""
    return bool(_RECEIPT.fullmatch(key))


@dataclass(frozen=True)
class CompanyKeys:
    """Keys of one company. Every one carries a moment to the microsecond, so that no object is ever overwritten."""

    slug: str
    cnpj: Cnpj

    def __post_init__(self) -> None:
        if not _SLUG.fullmatch(self.slug):
            raise ValueError(f"not a company's slug: {self.slug!r}")

    def raw(self, table: Table, *, at: datetime, number: int = 0) -> str:
        """A file as received: `raw/{company}/{cnpj}/{ano}/{mes}/{dia}/{table}_{timestamp}.csv`.

        Args:
            table: which of the three it is.
            at: the moment of its upload.
            number: which of the upload's files of this table it is, from 0: each later one is dated
                a microsecond later, so that all have keys of their own, in the order they were sent.
        """
        moment = at.astimezone(UTC) + timedelta(microseconds=number)
        return f"raw/{self._company}/{moment:%Y/%m/%d}/{table}_{_stamp(moment)}.csv"

    def processed(self, kind: str, month: str, *, at: datetime) -> str:
        """One sales month ('2026-01'): `processed/{company}/{cnpj}/{ano}/{mes}/{kind}_{date}.parquet`."""
        year, number = month.split("-")
        return f"processed/{self._company}/{int(year):04}/{int(number):02}/{_kind(kind)}_{_stamp(at)}.parquet"

    def catalogue(self, *, at: datetime) -> str:
        """The company's products, which belong to no month: `processed/{company}/{cnpj}/produtos_{date}.parquet`."""
        return f"processed/{self._company}/produtos_{_stamp(at)}.parquet"

    def prediction(self, kind: str, *, last_day: date, at: datetime) -> str:
        """One frame of a run, under the last day of history it saw: `predictions/{company}/{cnpj}/{ano}/{mes}/...`."""
        return f"predictions/{self._company}/{last_day:%Y/%m}/{_kind(kind)}_{last_day:%Y-%m-%d}_{_stamp(at)}.parquet"

    def raw_receipt(self, *, at: datetime) -> str:
        """An upload is there and may be prepared: `raw/{company}/{cnpj}/{ano}/{mes}/{dia}/envio_{timestamp}.json`."""
        return f"raw/{self._company}/{at.astimezone(UTC):%Y/%m/%d}/envio_{_stamp(at)}.json"

    def processed_receipt(self, *, at: datetime) -> str:
        """An upload is prepared and may be forecast: `processed/{company}/{cnpj}/preparo_{date}.json`."""
        return f"processed/{self._company}/preparo_{_stamp(at)}.json"

    @property
    def folders(self) -> tuple[str, ...]:
        """Everything of the company lies in these, and nothing of another."""
        return tuple(map(self.folder, _OF_COMPANIES))

    def folder(self, layer: Layer) -> str:
        """Everything of the company in one layer."""
        return f"{layer}/{self._company}"

    @property
    def _company(self) -> str:
        return f"{self.slug}/{self.cnpj.text}"


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def _kind(word: str) -> str:
    if not _KIND.fullmatch(word):
        raise ValueError(f"not a kind of frame: {word!r}")
    return word


def _split(key: str, count: int) -> list[str]:
    parts = key.split("/", count - 1)
    if len(parts) != count:
        raise _outside(key)
    return parts


def _uuid(text: str, key: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise _outside(key) from error


def _outside(key: str) -> ValueError:
    return ValueError(f"not a key of the lake's layout: {key!r}")
