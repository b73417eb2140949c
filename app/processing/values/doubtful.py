"""Values a row can do without: read as far as they go, and what was odd about them reported."""

from typing import NamedTuple

import polars as pl

from app.domain.contract import CONTRACT, Kind
from app.domain.findings import NEGATIVE_AMOUNT, OTHER_NUMBER_STYLE, RULES, UNREADABLE_NUMBER
from app.processing.reader.sheets import Sheet
from app.processing.validator.noticing import noticed, noticed_where, together
from app.processing.values.typed import Typed


class Doubted(NamedTuple):
    """The values that can be trusted, and what was noticed about the rest."""

    values: pl.DataFrame
    findings: pl.DataFrame


def without_doubtful_numbers(
    sheet: Sheet, cells: pl.DataFrame, read: Typed, *, kept: pl.Series, required: frozenset[str]
) -> Doubted:
    """Numbers that are negative where only positive ones fit become null; unreadable ones are reported.

    Args:
        sheet: where the cells are from.
        cells: the rows as written, beside `read`.
        read: the rows as read.
        kept: which rows are worth a warning; the others are reported already.
        required: fields whose unreadable values reject their row, reported elsewhere.
    """
    kinds = {field.name: field.kind for field in CONTRACT[sheet.table]}
    parts, values = [], read.values
    for name in sheet.dialect.numbers:
        numbers, text = values[name], cells[str(sheet.positions[name])]
        if name in read.other_style:
            odd = read.other_style[name] & kept
            parts.append(noticed_where(sheet, OTHER_NUMBER_STYLE, cells, odd, field=name))
        if name not in required and numbers.null_count() > text.null_count():
            says_something = text.cast(pl.String).str.contains(r"[^\s\-\u00a0]")  # a dash means nothing, and is fine
            unread = numbers.is_null() & says_something & kept
            parts.append(noticed_where(sheet, UNREADABLE_NUMBER, cells, unread.fill_null(value=False), field=name))
        if kinds[name] is Kind.AMOUNT and (negative := numbers < 0).any():
            below = negative.fill_null(value=False)
            parts.append(noticed_where(sheet, NEGATIVE_AMOUNT, cells, below & kept, field=name))
            values = values.with_columns(numbers.set(below, None))
    return Doubted(values, together(parts))


def doubts(sheet: Sheet) -> pl.DataFrame:
    """The columns of a sheet whose style could not be told."""
    return together(
        [
            noticed(sheet, RULES[d.rule], pl.Series([d.line]), field=d.field, values=pl.Series([d.value]))
            for d in sheet.dialect.doubts
        ]
    )
