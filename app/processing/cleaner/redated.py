"""Sales that a later upload dates in another month: their earlier lines must go, or they would count twice.

A number alone does not say so, for some tills begin again at 1 every month. A sale was moved if it says the same under
its new date; and when most of the numbers found in other months are of other sales, the numbers are used again and
nothing was moved.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from app.domain import columns as c

SALE: Final = (c.LOJA, c.ID_VENDA)
_CONTENT: Final = "content"


def redated(published: Mapping[str, pl.LazyFrame], arrived: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Which sales of which published months the upload dates elsewhere.

    Args:
        published: lines by month, as published before.
        arrived: the upload's sales by month, from `sales_of`.

    Returns:
        `loja` and `id_venda` by month, for the months that lose some.
    """
    again = {month: _again(lines, _elsewhere(arrived, month)) for month, lines in published.items()}
    same = {month: sales.filter("same").select(SALE) for month, sales in again.items() if sales["same"].any()}
    found, alike = sum(sales.height for sales in again.values()), sum(sales.height for sales in same.values())
    return same if 2 * alike > found else {}


def sales_of(lines: pl.DataFrame) -> pl.DataFrame:
    """The sales in some lines, each with a number that stands for what was sold in it."""
    line = pl.struct(pl.col(c.SKU).str.to_lowercase(), c.LINHA, c.QUANTIDADE)
    return lines.filter(pl.col(c.ID_VENDA).is_not_null()).group_by(SALE).agg(line.hash().sum().alias(_CONTENT))


def without(lines: pl.DataFrame, sales: pl.DataFrame | None) -> pl.DataFrame:
    """The lines of all other sales."""
    return lines if sales is None else lines.join(sales, on=SALE, how="anti", nulls_equal=True)


def _elsewhere(arrived: Mapping[str, pl.DataFrame], month: str) -> pl.DataFrame | None:
    """The upload's sales of other months, less those it has in this month too; None if there is none."""
    others = [sales for other, sales in arrived.items() if other != month]
    if not others:
        return None
    return without(pl.concat(others).unique(SALE, keep="none"), arrived.get(month))


def _again(lines: pl.LazyFrame, elsewhere: pl.DataFrame | None) -> pl.DataFrame:
    """The sales of a published month whose number the upload has elsewhere, and whether they say the same there."""
    nothing = pl.DataFrame(schema={c.LOJA: pl.String, c.ID_VENDA: pl.String, "same": pl.Boolean})
    if elsewhere is None or elsewhere.is_empty():
        return nothing
    # Numbers mostly grow: by the bounds alone whole months are passed over without being read.
    numbers = elsewhere[c.ID_VENDA]
    bounds = pl.col(c.ID_VENDA).is_between(pl.lit(numbers.min()), pl.lit(numbers.max()))
    near = lines.filter(bounds).select(SALE).collect().join(elsewhere, on=SALE, how="semi", nulls_equal=True)
    if near.is_empty():
        return nothing
    told = sales_of(lines.filter(pl.col(c.ID_VENDA).is_in(near[c.ID_VENDA].unique().implode())).collect())
    both = told.join(elsewhere, on=SALE, how="inner", nulls_equal=True, suffix="_new")
    return both.select(*SALE, same=pl.col(_CONTENT) == pl.col(f"{_CONTENT}_new"))
