"""Which rows of an answer are wanted, and how they come page by page."""

import base64
import binascii
import hashlib
import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import polars as pl

from app.domain.columns import DATE, ID
from app.domain.errors import StaleCursor
from app.domain.forecasts import Level
from app.pipeline.reading.current import Published

NAME = "name"
CATEGORY = "category"


@dataclass(frozen=True)
class Slice:
    """Which rows are wanted, in which order, and how many. Days are both included; `sort` may begin with `-`."""

    level: Level | None = None
    id: str | None = None
    category: str | None = None
    search: str | None = None  # part of a name or an id, whatever its case and accents
    first_day: date | None = None
    last_day: date | None = None
    sort: str | None = None
    limit: int = 100
    cursor: str | None = None


class Page(NamedTuple):
    """Some rows of an answer, and where the next ones start."""

    rows: pl.DataFrame
    next_cursor: str | None


def sliced(frame: pl.LazyFrame, wanted: Slice) -> pl.LazyFrame:
    """The rows whose id, name, category and day are wanted; a frame without days has all of them."""
    names = frame.collect_schema().names()
    if wanted.search:
        frame = frame.filter(
            pl.any_horizontal(
                _plain(pl.col(name)).str.contains(_folded(wanted.search), literal=True)
                for name in (ID, NAME)
                if name in names
            )
        )
    if wanted.first_day is not None and DATE in names:
        frame = frame.filter(pl.col(DATE) >= wanted.first_day)
    if wanted.last_day is not None and DATE in names:
        frame = frame.filter(pl.col(DATE) <= wanted.last_day)
    return frame


def ordered(frame: pl.LazyFrame, wanted: Slice) -> pl.LazyFrame:
    """In the order asked for; rows that are equal in it stay in the order they had."""
    if wanted.sort is None:
        return frame
    column = wanted.sort.removeprefix("-")
    return frame.sort(column, descending=wanted.sort.startswith("-"), nulls_last=True, maintain_order=True)


def page(frame: pl.LazyFrame, what: Published, wanted: Slice, *, of: str) -> Page:
    """The rows after the cursor, of a reading that `of` tells from every other.

    Raises:
        StaleCursor: it is of another run or another question, or was cut.
    """
    question = _question(what, wanted, of=of)
    start = _start(question, wanted.cursor)
    rows = frame.slice(start, wanted.limit + 1).collect()
    more = rows.height > wanted.limit
    return Page(rows.head(wanted.limit), _cursor(start + wanted.limit, question) if more else None)


def _cursor(start: int, question: str) -> str:
    return base64.urlsafe_b64encode(f"{question}:{start}".encode()).decode().rstrip("=")


def _start(question: str, cursor: str | None) -> int:
    """Where a page starts. Rows of one run stay in their places; of another run, or another question, they do not."""
    if cursor is None:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        asked, _, start = base64.urlsafe_b64decode(padded).decode().rpartition(":")
        if asked == question and start.isdecimal():
            return int(start)
    except (binascii.Error, UnicodeError, ValueError):
        pass
    raise StaleCursor


def _question(what: Published, wanted: Slice, *, of: str) -> str:
    asked = f"{what.fingerprint} {of} {replace(wanted, cursor=None, limit=0)}"
    return hashlib.sha256(asked.encode(errors="surrogateescape")).hexdigest()[:16]


def _plain(text: pl.Expr) -> pl.Expr:
    return text.fill_null("").str.normalize("NFD").str.replace_all(r"\p{M}", "").str.to_lowercase()


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
