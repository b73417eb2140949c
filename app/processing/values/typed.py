"""Cells to typed columns: each field of the contract read by its kind, in the style its column was found to have."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain import contract as k
from app.domain.contract import CONTRACT, Kind
from app.processing.columns.personal import masked_column
from app.processing.reader.records import LINE
from app.processing.reader.sheets import Sheet
from app.processing.values.codes import clean_codes, clean_gtins, clean_text
from app.processing.values.dates import quick_dates, with_hard_dates
from app.processing.values.different import DifferentValues
from app.processing.values.numbers import Numbers, NumberStyle, quick_numbers, read_numbers, with_hard_numbers

NUMBERS: Final = frozenset({Kind.NUMBER, Kind.AMOUNT})
_DTYPES: Final[Mapping[Kind, type[pl.DataType]]] = {
    Kind.CODE: pl.String,
    Kind.TEXT: pl.String,
    Kind.STATUS: pl.String,
    Kind.DATE: pl.Date,
    Kind.NUMBER: pl.Float64,
    Kind.AMOUNT: pl.Float64,
}
_FREE_TEXT: Final = frozenset({c.DESCRICAO, c.LOJA, c.CANAL})


class Typed(NamedTuple):
    """The rows of a block, typed. `values` has `line` and every used field of the table; what the file lacks is null.

    `other_style` marks, by field, the numbers that could only be read against their column's style; fields without any
    are not in it.
    """

    values: pl.DataFrame
    other_style: Mapping[str, pl.Series]


def typed(sheet: Sheet, cells: pl.DataFrame) -> Typed:
    """The cells of a sheet as values of the contract."""
    fields = [field for field in CONTRACT[sheet.table] if field.kind is not Kind.IGNORED]
    quick = cells.select(LINE, *(_quick(sheet, field, cells) for field in fields))
    read, other_style = {}, {}
    for field in (field for field in fields if sheet.has(field.name)):
        text = cells[str(sheet.positions[field.name])]
        if field.kind in NUMBERS:
            numbers = _numbers(text, quick[field.name], style=sheet.dialect.numbers[field.name])
            read[field.name] = numbers.values
            if numbers.other_style.any():
                other_style[field.name] = numbers.other_style
        elif field.kind is Kind.DATE:
            read[field.name] = with_hard_dates(text, quick[field.name], style=sheet.dialect.dates[field.name])
        else:
            read[field.name] = _clean(field, quick[field.name])
    return Typed(quick.with_columns(series.alias(name) for name, series in read.items()), other_style)


def _quick(sheet: Sheet, field: k.Field, cells: pl.DataFrame) -> pl.Expr:
    """What most cells of a field need, done for all columns at once."""
    place = sheet.positions.get(field.name)
    if place is None:
        return pl.lit(None, _DTYPES[field.kind]).alias(field.name)
    column = str(place)
    if field.kind in NUMBERS and cells[column].dtype == pl.String:
        return quick_numbers(column, style=sheet.dialect.numbers[field.name]).alias(field.name)
    if field.kind is Kind.DATE:
        return quick_dates(column, style=sheet.dialect.dates[field.name]).alias(field.name)
    return pl.col(column).alias(field.name)


def _numbers(text: pl.Series, quick: pl.Series, *, style: NumberStyle) -> Numbers:
    if text.dtype == pl.String:
        return with_hard_numbers(text, quick, style=style)
    different = DifferentValues(text)
    read = read_numbers(different.text, style=style)
    none = pl.repeat(value=False, n=len(text), dtype=pl.Boolean, eager=True)
    other_style = different.put_back(read.other_style).fill_null(value=False) if read.other_style.any() else none
    return Numbers(different.put_back(read.values), other_style)


def _clean(field: k.Field, text: pl.Series) -> pl.Series:
    if field.name == k.EAN:
        return clean_gtins(text)
    if field.kind is Kind.CODE:
        return clean_codes(text)
    return masked_column(clean_text(text)) if field.name in _FREE_TEXT else clean_text(text)
