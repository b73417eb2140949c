"""Items that were set aside, as rows that can be sent alone: what stood elsewhere in the upload is written beside them.

Date, situation, channel and branch of an item may stand in the sales file, and its number in the sale follows from the
lines around it. Without them a mended row would have no day, or would take the place of a line that was accepted.
"""

from typing import Final

import polars as pl

from app.domain import columns as c
from app.processing.reader.records import LINE
from app.processing.validator.belonging import SALE_STATUS
from app.processing.validator.filling import FilledDown
from app.processing.validator.items import ItemReader
from app.processing.validator.sales import SALE
from app.processing.values.codes import is_scientific
from app.processing.values.typed import typed

# Headings that reading knows, in the order of the added columns.
HEADINGS: Final = {
    c.DATA_VENDA: "data_venda",
    c.SITUACAO: "situacao",
    c.CANAL: "canal",
    c.LOJA: "loja",
    c.LINHA: "linha",
}
_FOLDED: Final = "folded"
_SALE_KEY: Final = (c.LOJA, c.ID_VENDA)
_PLACED: Final = (SALE, *_SALE_KEY, c.SKU, c.DATA_VENDA, c.SITUACAO, SALE_STATUS, c.CANAL, c.LINHA)


def standing_alone(reader: ItemReader, lines: pl.Series, accepted: pl.DataFrame) -> pl.DataFrame:
    """The rows of an items file on these `lines`, as written, and what they need to be sent without the rest.

    Args:
        reader: of the file.
        lines: their numbers in the original file.
        accepted: `loja`, `id_venda`, `sku`, `linha` of the lines that were accepted.

    Returns:
        `line`, one string column a cell (`0`, `1`, ...), and those of `HEADINGS` that the file lacks and the rows need.
    """
    filled_down = FilledDown(reader.sheet)
    rows, told = [], []
    for cells in reader.sheet.cells():
        read = typed(reader.sheet, cells)
        placed = reader.placed(cells, filled_down(cells, read.values))[0]
        mask = cells[LINE].is_in(lines.implode())
        rows.append(cells.filter(mask).select(LINE, *map(str, range(len(reader.sheet.columns)))))
        told.append(placed.filter(mask).select(_PLACED))
    return _written(reader, pl.concat(rows), _numbered(pl.concat(told), accepted))


def _numbered(told: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """With a number in the sale that no accepted line has; as the whole file, mended, would give it."""
    folded = pl.col(c.SKU).str.to_lowercase().alias(_FOLDED)
    taken = accepted.with_columns(folded).group_by(*_SALE_KEY, _FOLDED).agg(pl.col(c.LINHA).max().alias("taken"))
    of_sale = accepted.group_by(_SALE_KEY).agg(pl.len().alias("of_sale"))
    spoilt = told[c.SKU].is_null() | is_scientific(told[c.SKU]).fill_null(value=False)
    named = told.with_columns(pl.when(~spoilt).then(folded).alias(_FOLDED))
    beside = named.join(taken, on=[*_SALE_KEY, _FOLDED], how="left", nulls_equal=True, maintain_order="left")
    beside = beside.join(of_sale, on=list(_SALE_KEY), how="left", nulls_equal=True, maintain_order="left")
    # What product a row without a code will turn out to be is not known: its number is one no line of the sale has.
    after = (
        pl.when(pl.col(_FOLDED).is_null())
        .then(pl.col("of_sale").fill_null(0) + pl.len().over(_SALE_KEY))
        .otherwise(pl.col("taken").fill_null(0))
    )
    occurrence = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over(*_SALE_KEY, _FOLDED)
    return beside.with_columns(
        pl.coalesce(pl.col(c.LINHA).cast(pl.Int64, strict=False), after + occurrence).alias(c.LINHA),
        (pl.col("taken").is_not_null() | pl.col(_FOLDED).is_null()).alias("must_be_told"),
    )


def _written(reader: ItemReader, rows: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """What the sale says goes before the item's own, as it does when both are read together."""
    situation = told[SALE_STATUS] if reader.sheet.has(c.SITUACAO) else told[SALE_STATUS].fill_null(told[c.SITUACAO])
    said = {
        c.ID_VENDA: told[c.ID_VENDA],
        c.DATA_VENDA: told[c.DATA_VENDA].cast(pl.String),
        c.SITUACAO: situation,
        c.CANAL: told[c.CANAL],
        c.LOJA: told[c.LOJA],
    }
    of_sale = told[SALE].is_not_null()
    for field, values in said.items():
        if (place := reader.sheet.positions.get(field)) is not None:
            rows = rows.with_columns(_in_place(rows[str(place)], values, where=of_sale).alias(str(place)))
        elif values.is_not_null().any():
            rows = rows.with_columns(values.alias(field))
    return _with_numbers(reader, rows, told)


def _with_numbers(reader: ItemReader, rows: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    numbers = told[c.LINHA].cast(pl.String)
    if (place := reader.sheet.positions.get(c.LINHA)) is not None:
        return rows.with_columns(_in_place(rows[str(place)], numbers, where=None).alias(str(place)))
    return rows.with_columns(numbers.alias(c.LINHA)) if told["must_be_told"].any() else rows


def _in_place(cells: pl.Series, values: pl.Series, *, where: pl.Series | None) -> pl.Series:
    """The cells as written; blank ones, and those of a sale that says something, from `values`."""
    blank = cells.fill_null("").str.strip_chars() == ""
    told = values.is_not_null() & (blank if where is None else blank | where)
    return pl.select(pl.when(told).then(values).otherwise(cells)).to_series()
