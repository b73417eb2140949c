"""Order fields that an export writes only on the first row of an order, put on its other rows.

1001;31/10/2026;Pago;caneca        1001;31/10/2026;Pago;caneca
1001;          ;    ;copo     ->   1001;31/10/2026;Pago;copo
    ;          ;    ;prato         1001;31/10/2026;Pago;prato
"""

from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain import contract as k
from app.processing.reader.records import OVERFLOW
from app.processing.reader.sheets import Sheet

_ORDER_FIELDS: Final = (c.DATA_VENDA, c.SITUACAO, c.CANAL, c.LOJA, k.CNPJ_ESTABELECIMENTO)
_FILLED: Final = (c.ID_VENDA, *_ORDER_FIELDS)


class FilledDown:
    """Fills the blocks of one file in order, remembering the last order across blocks."""

    def __init__(self, sheet: Sheet) -> None:
        self._date_place = sheet.positions.get(c.DATA_VENDA)
        self._date_heading = sheet.header_of(c.DATA_VENDA)
        self._last: pl.DataFrame | None = None

    def __call__(self, cells: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
        """Order fields filled. A row goes on with an order if it has a product, no date, no other number."""
        if self._date_place is None:
            return values
        ragged = cells[OVERFLOW].is_not_null()  # its cells may stand anywhere, and the raw copy has none of them
        dates = cells[str(self._date_place)].fill_null("").str.strip_chars()
        undated = (dates == "") | (dates == self._date_heading) | ragged  # a page may end within an order
        filled = _filled(values, undated, self._last) if undated.any() else values
        opened = values.select(_FILLED).filter(~undated)
        before = opened.clear() if self._last is None else self._last
        self._last = pl.concat([before, opened]).select(pl.all().drop_nulls().last())
        return filled


def _filled(values: pl.DataFrame, undated: pl.Series, last: pl.DataFrame | None) -> pl.DataFrame:
    before = values.clear().select(_FILLED) if last is None else last
    orders = pl.concat([before, values.select(_FILLED)])
    opens = pl.concat([pl.Series([True] * before.height, dtype=pl.Boolean), ~undated])
    names_product = values[c.SKU].is_not_null() | values[c.DESCRICAO].is_not_null()
    first = orders.with_columns(pl.when(opens).then(pl.col(name)).forward_fill() for name in _FILLED)
    first = first.slice(before.height)
    own_id = values[c.ID_VENDA]
    same_order = own_id.is_null() | (own_id == first[c.ID_VENDA]).fill_null(value=False)
    continues = undated & names_product & same_order
    return values.with_columns(
        pl.when(continues & values[name].is_null()).then(first[name]).otherwise(values[name]).alias(name)
        for name in _FILLED
    )
