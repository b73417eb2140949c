"""Dates as they come, to the local wall date. Which of two numbers is the day is decided per column, never per cell.

`31/10/2026 14:42`, `31-10-2026`, `31.10.26`, `2026-10-31T14:42:00-03:00`, `20261031`, `31 de outubro de 2026`,
`31/out/26`, and Excel's serial 46326 are understood. Offsets are not converted: the wall date is the shop's own.
"""

from enum import StrEnum
from typing import Final, NamedTuple

import polars as pl


class DateStyle(StrEnum):
    """The order of day, month and year in a column."""

    DMY = "dd/mm/aaaa"
    MDY = "mm/dd/aaaa"
    YMD = "aaaa-mm-dd"
    SERIAL = "número de série do Excel"


class DateEvidence(NamedTuple):
    """How many values of a column can only be read one way."""

    dmy: int = 0
    mdy: int = 0
    ymd: int = 0
    serial: int = 0
    ambiguous: int = 0

    @property
    def style(self) -> DateStyle:
        """The reading most values allow; day first when nothing tells."""
        either = max(self.dmy, self.mdy) + self.ambiguous
        if self.ymd > either and self.ymd >= self.serial:
            return DateStyle.YMD
        if self.serial > either:
            return DateStyle.SERIAL
        return DateStyle.MDY if self.mdy > self.dmy else DateStyle.DMY

    @property
    def is_sure(self) -> bool:
        """Whether some value tells the day from the month."""
        return bool(self.dmy or self.mdy)

    @property
    def is_ambiguous(self) -> bool:
        """Whether day and month could be swapped without anyone noticing."""
        return self.ambiguous > 0 and not self.is_sure


_MONTHS: Final = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")
_ENGLISH: Final = {"feb": "02", "apr": "04", "may": "05", "aug": "08", "sep": "09", "oct": "10", "dec": "12"}
_MONTH_NUMBERS: Final = {name: f"{number:02d}" for number, name in enumerate(_MONTHS, start=1)} | _ENGLISH

# `\d` would take Arabic digits, too, which are then no numbers.
_TWO_NUMBERS: Final = r"^([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-]([0-9]{4}|[0-9]{2})(?:[^0-9]|$)"
_YEAR_FIRST: Final = r"^([0-9]{4})[/.\-]([0-9]{1,2})[/.\-]([0-9]{1,2})(?:[^0-9]|$)"
_COMPACT: Final = r"^((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})(?:[^0-9]|$)"
_NAMED: Final = r"(?i)^([0-9]{1,2})(?: de |[ /.\-])([a-zç]{3})[a-zç]*\.?(?: de |[ /.\-])([0-9]{4}|[0-9]{2})(?:[^0-9]|$)"
_SERIAL: Final = r"^([2-6][0-9]{4})(?:[.,][0-9]+)?$"  # 1954 to 2091
_DRESSED: Final = r"""^[\s\u00a0="']+"""
_QUICK: Final = {DateStyle.DMY: "%d/%m/%Y", DateStyle.MDY: "%m/%d/%Y", DateStyle.YMD: "%Y-%m-%d"}
_DATE_LENGTH: Final = 10
_LAST_MONTH: Final = 12
_SHORT_YEAR: Final = len("26")
_FOUR_DIGITS: Final = 1000  # `%Y` takes "26" for the year 26


def date_evidence(text: pl.Series) -> DateEvidence:
    """What the values of a column say about the order of its dates."""
    is_dressed = text.str.contains(_DRESSED).any()
    days = text if is_dressed else text.str.slice(0, _DATE_LENGTH + 1)  # hours would make every value another one
    seen = _bare(days.drop_nulls().unique()).unique()
    first, second = (seen.str.extract(_TWO_NUMBERS, group).cast(pl.Int32) for group in (1, 2))
    year_first = seen.str.contains(_YEAR_FIRST) | seen.str.contains(_COMPACT)
    return DateEvidence(
        dmy=int((first > _LAST_MONTH).sum()),
        mdy=int((second > _LAST_MONTH).sum()),
        ymd=int(year_first.sum()),
        serial=int(seen.str.contains(_SERIAL).sum()),
        ambiguous=int(((first <= _LAST_MONTH) & (second <= _LAST_MONTH) & (first != second)).sum()),
    )


def read_dates(text: pl.Series, *, style: DateStyle) -> pl.Series:
    """Every date of a column; null where empty or unreadable. Quick for the column's own format, else thorough."""
    quick = text.to_frame("text").select(quick_dates("text", style=style)).to_series()
    return with_hard_dates(text, quick, style=style)


def quick_dates(column: str, *, style: DateStyle) -> pl.Expr:
    """Dates in exactly the column's own format; null for everything else."""
    if style not in _QUICK:
        return pl.repeat(None, pl.len(), dtype=pl.Date)
    dates = pl.col(column).str.slice(0, _DATE_LENGTH).str.to_date(_QUICK[style], strict=False, cache=True)
    return pl.when(dates.dt.year() >= _FOUR_DIGITS).then(dates)


def with_hard_dates(text: pl.Series, quick: pl.Series, *, style: DateStyle) -> pl.Series:
    """The quick reading of a column with the cells it could not read looked at thoroughly."""
    if quick.null_count() == text.null_count():
        return quick
    where = (text.is_not_null() & quick.is_null()).arg_true()
    rest = text.gather(where)
    different = rest.unique()
    known = pl.DataFrame({"text": different, "date": _thoroughly(different, style)})
    found = rest.to_frame("text").join(known, on="text", how="left", maintain_order="left")
    return quick.scatter(where, found["date"])


def _thoroughly(text: pl.Series, style: DateStyle) -> pl.Series:
    bare = _bare(text)
    order = (2, 1, 3) if style is DateStyle.MDY else (1, 2, 3)
    readings = [
        _from_parts(bare, _TWO_NUMBERS, order),
        _from_parts(bare, _YEAR_FIRST, (3, 2, 1)),
        _from_parts(bare, _COMPACT, (3, 2, 1)),
        _from_parts(bare, _NAMED, (1, 2, 3)),
        _from_serial(bare),
    ]
    return pl.select(pl.coalesce(readings)).to_series()


def _from_parts(text: pl.Series, pattern: str, order: tuple[int, int, int]) -> pl.Series:
    day, month, year = (text.str.extract(pattern, group) for group in order)
    full_year = pl.select(pl.when(year.str.len_bytes() == _SHORT_YEAR).then("20" + year).otherwise(year)).to_series()
    number = month.str.to_lowercase().replace(_MONTH_NUMBERS).str.zfill(2)
    return (full_year + "-" + number + "-" + day.str.zfill(2)).str.to_date("%Y-%m-%d", strict=False)


def _from_serial(text: pl.Series) -> pl.Series:
    """Excel counts days from 1899-12-30."""
    days = text.str.extract(_SERIAL, 1).cast(pl.Int32)
    return (days - 25569).cast(pl.Date)  # 25569: 1970-01-01


def _bare(text: pl.Series) -> pl.Series:
    return text.str.replace_all(_DRESSED, "").str.strip_chars("\u00a0 '\"")
