"""Which key holds what, for one company. The only builder of keys."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.domain.cnpj import Cnpj
from app.domain.uploads import Table

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KIND = re.compile(r"[a-z]+(_[a-z]+)*")


@dataclass(frozen=True)
class CompanyKeys:
    """Keys of one company. Every one carries a moment to the microsecond, so that no object is ever overwritten."""

    slug: str
    cnpj: Cnpj

    def __post_init__(self) -> None:
        if not _SLUG.fullmatch(self.slug):
            raise ValueError(f"not a company's slug: {self.slug!r}")

    def raw(self, table: Table, *, at: datetime) -> str:
        """A file as received: `raw/{company}/{cnpj}/{ano}/{mes}/{dia}/{table}_{timestamp}.csv`."""
        day = at.astimezone(UTC)
        return f"raw/{self._company}/{day:%Y/%m/%d}/{table}_{_stamp(at)}.csv"

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

    @property
    def _company(self) -> str:
        return f"{self.slug}/{self.cnpj.text}"


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def _kind(word: str) -> str:
    if not _KIND.fullmatch(word):
        raise ValueError(f"not a kind of frame: {word!r}")
    return word
