"""Rows set aside, skipped and accepted: nothing is dropped without a finding.

rows in = accepted + rejected + skipped
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import polars as pl
from polars import selectors

from app.domain import columns as c
from app.domain import contract as k
from app.domain.findings import (
    BLANK_ROW,
    DELETED_ROW,
    PACKAGE_ROW,
    REPEATED_HEADER,
    TOO_MANY_CELLS,
    TOTAL_ROW,
    Rule,
)
from app.processing.reader.records import OVERFLOW
from app.processing.reader.sheets import ORIGINAL_LINE, Sheet
from app.processing.validator.noticing import noticed_where, together

_TOTAL: Final = r"(?i)^\W*(?:sub ?)?(?:total|totais|soma|totalizador)\b"
_PACKAGE: Final = r"(?i)^pacote de \d+ produtos"
_IDENTITY: Final = (c.ID_VENDA, c.DATA_VENDA, c.SKU, c.DESCRICAO)
_SAME_AS_HEADING: Final = 0.5
_IS_RAGGED: Final = pl.col(OVERFLOW).is_not_null()


class Problem(NamedTuple):
    """A rule that rejects the rows a mask picks, and the field at fault."""

    rule: Rule
    where: pl.Series
    field: str | None


class Screened(NamedTuple):
    """A block after screening. `kept` tells, for each row, whether it goes on."""

    kept: pl.Series
    findings: pl.DataFrame
    rejected: int
    skipped: int


def screen(
    sheet: Sheet, cells: pl.DataFrame, *, rejecting: Sequence[Problem], skipping: Sequence[Problem] = ()
) -> Screened:
    """Sorts the rows of a block: what was never a row is skipped first, the rest is held to the rules.

    Args:
        sheet: where the cells are from.
        cells: the block, as read.
        rejecting: rules for real rows; a row may break several and is counted once.
        skipping: rules for rows that are right and yet count for nothing, asked last.
    """
    masks = pl.DataFrame({str(place): problem.where for place, problem in enumerate((*rejecting, *skipping))})
    suspect = cells.select(_any(_IS_RAGGED, _is_deleted(sheet), *masks)).to_series()
    if not suspect.any():
        return Screened(~suspect, together([]), 0, 0)
    rows = cells.filter(suspect).with_columns(selectors.categorical().cast(pl.String))
    broken = masks.filter(suspect).fill_null(value=False).get_columns()
    junk = _junk(sheet, rows)
    parts = [noticed_where(sheet, rule, rows, where, field=None) for rule, where in junk]
    ragged, out = rows.select(_IS_RAGGED.alias("ragged"), _any(*(where for _, where in junk)).alias("out"))
    rejected, skipped = ragged & ~out, int(out.sum())
    parts.append(noticed_where(sheet, TOO_MANY_CELLS, rows, rejected, field=None))
    for problem, where in zip(rejecting, broken[: len(rejecting)], strict=True):
        found = where & ~out & ~ragged
        parts.append(noticed_where(sheet, problem.rule, rows, found, field=problem.field))
        rejected |= found
    for problem, where in zip(skipping, broken[len(rejecting) :], strict=True):
        found = where & ~out & ~rejected
        parts.append(noticed_where(sheet, problem.rule, rows, found, field=problem.field))
        skipped += int(found.sum())
    return Screened(~suspect, together(parts), int(rejected.sum()), skipped)


def _any(*masks: pl.Expr | pl.Series) -> pl.Expr:
    return pl.any_horizontal(*masks).fill_null(value=False)


def _junk(sheet: Sheet, rows: pl.DataFrame) -> list[tuple[Rule, pl.Series]]:
    """What was never a row, each mask without the rows of those before it; a ragged row was one, unless it is blank."""
    tests = {
        BLANK_ROW: _is_blank(sheet),
        DELETED_ROW: _is_deleted(sheet),
        TOTAL_ROW: _is_total(sheet),
        REPEATED_HEADER: _is_heading(sheet),
        PACKAGE_ROW: _is_package(sheet),
    }
    looked_at = rows.select(_IS_RAGGED, *(test.alias(rule.code) for rule, test in tests.items()))
    is_row, *fitting = looked_at
    found, seen = [], pl.Series([False]).new_from_index(0, rows.height)
    for rule, where in zip(tests, fitting, strict=True):
        found.append((rule, where & ~seen))
        seen |= where | is_row
    return found


def _own_cells(sheet: Sheet) -> list[str]:
    """The names of the cells that are kept: no personal data, and not the line number that a raw copy puts first."""
    hidden = {*sheet.personal, ORIGINAL_LINE}
    return [str(place) for place, column in enumerate(sheet.columns) if column.header not in hidden]


def _is_blank(sheet: Sheet) -> pl.Expr:
    return pl.all_horizontal(_filled(name) == "" for name in (*_own_cells(sheet), OVERFLOW))


def _is_deleted(sheet: Sheet) -> pl.Expr:
    place = sheet.positions.get(k.EXCLUIDO)
    return pl.lit(value=False) if place is None else _filled(str(place)) == "*"


def _is_total(sheet: Sheet) -> pl.Expr:
    """`Total` in the first filled cell, and nothing but perhaps that cell naming a sale or a product."""
    first = pl.coalesce(_filled(name).replace("", None) for name in _own_cells(sheet))
    identity = [_filled(str(sheet.positions[name])) for name in _IDENTITY if sheet.has(name)]
    named = pl.sum_horizontal(cell != "" for cell in identity)
    return (first.str.contains(_TOTAL) & (named <= 1)).fill_null(value=False)


def _is_heading(sheet: Sheet) -> pl.Expr:
    """Most filled cells say what their own heading says."""
    cells = {name: _filled(name) for name in _own_cells(sheet)}
    filled = {name: cell != "" for name, cell in cells.items()}
    same = pl.sum_horizontal(filled[name] & (cell == sheet.columns[int(name)].header) for name, cell in cells.items())
    return (same > 1) & (same > pl.sum_horizontal(filled.values()) * _SAME_AS_HEADING)


def _is_package(sheet: Sheet) -> pl.Expr:
    says_package = pl.any_horizontal(pl.col(_own_cells(sheet)).str.contains(_PACKAGE).fill_null(value=False))
    place = sheet.positions.get(c.SKU)
    return says_package & (pl.lit(value=True) if place is None else _filled(str(place)) == "")


def _filled(name: str) -> pl.Expr:
    """A cell without surrounding blanks, empty where there is nothing."""
    return pl.col(name).fill_null("").str.strip_chars()
