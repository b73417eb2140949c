"""Cells to typed columns: each field of the contract read by its kind, in the style its column was found to have."""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain import contract as k
from app.domain.contract import CONTRACT, Kind
from app.processing.codes import clean_codes, clean_gtins, clean_text
from app.processing.dates import read_dates
from app.processing.numbers import read_numbers
from app.processing.personal import masked_column
from app.processing.records import LINE
from app.processing.sheets import Sheet

DTYPES: Mapping[Kind, type[pl.DataType]] = {
    Kind.CODE: pl.String,
    Kind.TEXT: pl.String,
    Kind.STATUS: pl.String,
    Kind.DATE: pl.Date,
    Kind.NUMBER: pl.Float64,
    Kind.AMOUNT: pl.Float64,
}


class Typed(NamedTuple):
    """The rows of a block, typed. `values` has `line` and every used field of the table; what the file lacks is null.

    `other_style` marks, by field, the numbers that could only be read against their column's style.
    """

    values: pl.DataFrame
    other_style: Mapping[str, pl.Series]

    def filter(self, kept: pl.Series) -> "Typed":
        """Some of the rows."""
        if kept.all():
            return self
        return Typed(self.values.filter(kept), {name: mask.filter(kept) for name, mask in self.other_style.items()})


def typed(sheet: Sheet, cells: pl.DataFrame) -> Typed:
    """The cells of a sheet as values of the contract."""
    fields = [field for field in CONTRACT[sheet.table] if field.kind is not Kind.IGNORED]
    columns: dict[str, pl.Series] = {LINE: cells[LINE]}
    other_style: dict[str, pl.Series] = {}
    for field in fields:
        place = sheet.positions.get(field.name)
        if place is None:
            columns[field.name] = pl.repeat(None, cells.height, dtype=DTYPES[field.kind], eager=True)
        elif field.kind in {Kind.NUMBER, Kind.AMOUNT}:
            numbers = read_numbers(cells[str(place)], style=sheet.dialect.numbers[field.name])
            columns[field.name], other_style[field.name] = numbers.values, numbers.other_style
        else:
            columns[field.name] = _text_or_date(sheet, field, cells[str(place)])
    return Typed(pl.DataFrame(columns), other_style)


def _text_or_date(sheet: Sheet, field: k.Field, text: pl.Series) -> pl.Series:
    if field.kind is Kind.DATE:
        return read_dates(text, style=sheet.dialect.dates[field.name])
    if field.name == k.EAN:
        return clean_gtins(text)
    if field.kind is Kind.CODE:
        return clean_codes(text)
    if field.name in {c.DESCRICAO, c.LOJA, c.CANAL}:
        return masked_column(clean_text(text))
    return clean_text(text)
