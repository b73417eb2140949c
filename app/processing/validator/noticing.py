"""What was noticed about the rows of a file, as frames: one row a finding."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain.contract import CONTRACT, Kind
from app.domain.findings import RULES, Rule, Severity
from app.processing.columns.personal import IN_CODES, PATTERN, masked_column
from app.processing.reader.records import LINE
from app.processing.reader.sheets import Sheet

FILE: Final = "file"  # [String] name of the file, as sent
SCHEMA: Final = {
    c.TABLE: pl.String,
    FILE: pl.String,
    c.LINE: pl.UInt32,
    c.COLUMN: pl.String,
    c.VALUE: pl.String,
    c.RULE: pl.String,
}
_CODES: Final = frozenset(field.name for fields in CONTRACT.values() for field in fields if field.kind is Kind.CODE)
_LOOKED_AT: Final = 200
_SHOWN: Final = 60


@cache
def nothing() -> pl.DataFrame:
    """No finding."""
    return pl.DataFrame(schema=SCHEMA)


def noticed(
    sheet: Sheet, rule: Rule, lines: pl.Series, *, field: str | None = None, values: pl.Series | None = None
) -> pl.DataFrame:
    """A finding for each line about one field, or the whole row; `values` stand beside the lines."""
    if lines.is_empty():
        return nothing()
    shown = (
        pl.lit(None, pl.String) if values is None else _shown(values, pattern=IN_CODES if field in _CODES else PATTERN)
    )
    return pl.select(
        pl.lit(sheet.table.value).alias(c.TABLE),
        pl.lit(sheet.name).alias(FILE),
        lines.cast(pl.UInt32).alias(c.LINE),
        pl.lit(sheet.header_of(field) if field else None, pl.String).alias(c.COLUMN),
        shown.alias(c.VALUE),
        pl.lit(rule.code).alias(c.RULE),
    )


def noticed_where(
    sheet: Sheet, rule: Rule, cells: pl.DataFrame, where: pl.Series, *, field: str | None
) -> pl.DataFrame:
    """A finding for each row of `cells` that a mask picks, with the value of one field as it was written."""
    if not where.any():
        return nothing()
    picked = cells.filter(where)
    place = sheet.positions.get(field) if field else None
    values = None if place is None else picked[str(place)]
    return noticed(sheet, rule, picked[LINE], field=field, values=values)


def together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All the findings."""
    return pl.concat([nothing(), *parts])


def count_lines(findings: pl.DataFrame, severity: Severity) -> int:
    """How many different lines have a finding of this severity."""
    codes = [code for code, rule in RULES.items() if rule.severity is severity]
    return findings.filter(pl.col(c.RULE).is_in(codes)).select(FILE, c.LINE).n_unique()


def _shown(values: pl.Series, *, pattern: str) -> pl.Series:
    """Short, on one line, and without anyone's CPF, e-mail or phone."""
    start = values.cast(pl.String).str.slice(0, _LOOKED_AT).str.replace_all(r"\s+", " ")
    return masked_column(start, pattern=pattern).str.slice(0, _SHOWN)
