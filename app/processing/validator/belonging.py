"""The sale that each item belongs to, found by its number.

Items of one sale stand one after another in most files, so a number is looked up once a run. The index is made once an
upload: what a block of items costs does not grow with the number of sales.
"""

from itertools import count
from typing import Final

import polars as pl

from app.domain import columns as c
from app.processing.validator.sales import SALE, Sales

SALE_STATUS: Final = "sale_status"
_OF_THE_SALE: Final = (c.DATA_VENDA, c.CANAL, c.LOJA)


class SalesByNumber:
    """The sales of an upload, to be found by their number, or by number and branch."""

    def __init__(self, sales: Sales, *, by_branch: bool) -> None:
        self.set_aside = sales.set_aside
        self._key = [c.ID_VENDA, c.LOJA] if by_branch else [c.ID_VENDA]
        self._taken = [name for name in _OF_THE_SALE if name not in self._key]
        renamed = {name: _of_sale(name) for name in self._taken} | {c.SITUACAO: SALE_STATUS}
        self._told = sales.rows.select(pl.col(SALE, *renamed)).rename(renamed)
        self._keys = sales.rows.select(self._key)
        self._seed, hashes = _without_collision(self._keys)
        self._order = hashes.arg_sort()
        self._hashes = hashes.gather(self._order)

    def joined_to(self, items: pl.DataFrame) -> pl.DataFrame:
        """The items with the number and situation of their sale, and its date, channel and branch before their own."""
        run = items.select(pl.struct(self._key).rle_id() if len(self._key) > 1 else pl.col(c.ID_VENDA).rle_id())
        first = run.to_series() != run.to_series().shift(1)
        found = self._find(items.select(self._key).filter(first.fill_null(value=True)))
        of_sale = self._told.select(pl.all().gather(found)).select(pl.all().gather(run.to_series()))
        both = [name for name in self._taken if items[name].null_count() < items.height]
        return items.with_columns(of_sale.get_columns()).with_columns(
            pl.coalesce(_of_sale(name), name).alias(name) if name in both else pl.col(_of_sale(name)).alias(name)
            for name in self._taken
        )

    def _find(self, keys: pl.DataFrame) -> pl.Series:
        """The row of the sale of each key; null when there is none."""
        if not self._keys.height:
            return pl.repeat(None, keys.height, dtype=pl.UInt32, eager=True)
        at = self._hashes.search_sorted(_hashes(keys, self._seed)).clip(0, len(self._hashes) - 1)
        row = self._order.gather(at)
        there = self._keys.select(pl.all().gather(row))
        same = there[c.ID_VENDA] == keys[c.ID_VENDA]
        for name in self._key[1:]:
            same &= there[name].eq_missing(keys[name])
        return row.set(~same.fill_null(value=False), None)


def _of_sale(name: str) -> str:
    return f"{name}_of_sale"


def _hashes(keys: pl.DataFrame, seed: int) -> pl.Series:
    return keys.select(pl.struct(pl.all()).hash(seed)).to_series()


def _without_collision(keys: pl.DataFrame) -> tuple[int, pl.Series]:
    """A seed under which no two keys have one hash, and the hashes."""
    return next((seed, hashes) for seed in count() if (hashes := _hashes(keys, seed)).n_unique() == keys.height)
