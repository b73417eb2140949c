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
from app.processing.reader.records import LINE, OVERFLOW
from app.processing.reader.sheets import ORIGINAL_LINE, Sheet
from app.processing.validator.noticing import noticed, noticed_where, together

_TOTAL: Final = r"(?i)^\W*(?:sub ?)?(?:total|totais|soma|totalizador)\b"
_PACKAGE: Final = r"(?i)^pacote de \d+ produtos"
_IDENTITY: Final = (c.ID_VENDA, c.DATA_VENDA, c.SKU, c.DESCRICAO)
_SAME_AS_HEADING: Final = 0.5


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
    broken_in = [problem.where for problem in (*rejecting, *skipping)]
    suspect = _any([*broken_in, cells[OVERFLOW].is_not_null(), _deleted(sheet, cells)], cells.height)
    if not suspect.any():
        return Screened(~suspect, together([]), 0, 0)
    rows = cells.filter(suspect).with_columns(selectors.categorical().cast(pl.String))
    junk = _junk(sheet, rows)
    parts = [noticed(sheet, rule, rows.filter(where)[LINE]) for rule, where in junk]
    out = _any([where for _, where in junk], rows.height)
    skipped = int(out.sum())
    ragged = Problem(TOO_MANY_CELLS, cells[OVERFLOW].is_not_null(), None)
    rejected = pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
    for problem in (ragged, *rejecting):
        broken = problem.where.filter(suspect) & ~out & ~(rows[OVERFLOW].is_not_null() & (problem is not ragged))
        parts.append(noticed_where(sheet, problem.rule, rows, broken, field=problem.field))
        rejected |= broken
    for problem in skipping:
        idle = problem.where.filter(suspect) & ~out & ~rejected
        parts.append(noticed_where(sheet, problem.rule, rows, idle, field=problem.field))
        skipped += int(idle.sum())
    return Screened(~suspect, together(parts), int(rejected.sum()), skipped)


def _any(masks: Sequence[pl.Series], height: int) -> pl.Series:
    found = pl.repeat(value=False, n=height, dtype=pl.Boolean, eager=True)
    for mask in masks:
        found |= mask.fill_null(value=False)
    return found


def _junk(sheet: Sheet, rows: pl.DataFrame) -> list[tuple[Rule, pl.Series]]:
    """What was never a row, each mask without the rows of those before it; a ragged row was one, unless it is blank."""
    tests = (
        (BLANK_ROW, _blank(sheet, rows)),
        (DELETED_ROW, _deleted(sheet, rows)),
        (TOTAL_ROW, _totals(sheet, rows)),
        (REPEATED_HEADER, _headings(sheet, rows)),
        (PACKAGE_ROW, _packages(sheet, rows)),
    )
    seen = pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
    found = []
    for rule, where in tests:
        found.append((rule, where & ~seen))
        seen |= where | rows[OVERFLOW].is_not_null()
    return found


def _own_cells(sheet: Sheet) -> list[str]:
    """The names of the cells that are kept: no personal data, and not the line number that a raw copy puts first."""
    hidden = {*sheet.personal, ORIGINAL_LINE}
    return [str(place) for place, column in enumerate(sheet.columns) if column.header not in hidden]


def _blank(sheet: Sheet, rows: pl.DataFrame) -> pl.Series:
    names = [*_own_cells(sheet), OVERFLOW]
    return rows.select(pl.all_horizontal(pl.col(names).str.strip_chars().fill_null("") == "")).to_series()


def _deleted(sheet: Sheet, rows: pl.DataFrame) -> pl.Series:
    place = sheet.positions.get(k.EXCLUIDO)
    if place is None:
        return pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
    return (rows[str(place)].str.strip_chars() == "*").fill_null(value=False)


def _totals(sheet: Sheet, rows: pl.DataFrame) -> pl.Series:
    """`Total` in the first filled cell, and nothing but perhaps that cell naming a sale or a product."""
    first = pl.coalesce(pl.col(name).str.strip_chars().replace("", None) for name in _own_cells(sheet))
    identity = [str(sheet.positions[name]) for name in _IDENTITY if sheet.has(name)]
    named = pl.sum_horizontal((pl.col(name).str.strip_chars() != "").fill_null(value=False) for name in identity)
    return rows.select((first.str.contains(_TOTAL) & (named <= 1)).fill_null(value=False)).to_series()


def _headings(sheet: Sheet, rows: pl.DataFrame) -> pl.Series:
    """Most filled cells say what their own heading says."""
    names = _own_cells(sheet)
    cells = [pl.col(name).str.strip_chars() for name in names]
    same = pl.sum_horizontal(
        (cell == sheet.columns[int(name)].header).fill_null(value=False)
        for cell, name in zip(cells, names, strict=True)
    )
    filled = pl.sum_horizontal(cell.is_not_null() & (cell != "") for cell in cells)
    return rows.select((same > 1) & (same > filled * _SAME_AS_HEADING)).to_series()


def _packages(sheet: Sheet, rows: pl.DataFrame) -> pl.Series:
    says_package = pl.any_horizontal(pl.col(_own_cells(sheet)).str.contains(_PACKAGE).fill_null(value=False))
    place = sheet.positions.get(c.SKU)
    without_product = pl.lit(value=True) if place is None else pl.col(str(place)).fill_null("").str.strip_chars() == ""
    return rows.select(says_package & without_product).to_series()
