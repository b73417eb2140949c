"""Sales that a later upload dates in another month: their earlier lines must go, or they would count twice.

A number alone does not say so, for some tills begin again at 1 every month. A sale was moved if it says the same under
its new date; and when most of the numbers found in other months are of other sales, the numbers are used again and
nothing was moved.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c

SALE: Final = (c.LOJA, c.ID_VENDA)
_CONTENT: Final = "content"
Bounds = tuple[str, str]


class Arrived(NamedTuple):
    """What gives the numbers of an upload's sales in a month, and what gives the lines."""

    numbers: Callable[[], pl.Series]
    lines: Callable[[], pl.DataFrame]


def redated(published: Mapping[str, pl.LazyFrame], arrived: Mapping[str, Arrived]) -> dict[str, pl.DataFrame]:
    """Which sales of which published months the upload dates elsewhere.

    Numbers mostly grow: by the bounds alone whole months are passed over without being read, and then no more is asked.

    Args:
        published: lines by month, as published before.
        arrived: the upload's sales by month.

    Returns:
        `loja` and `id_venda` by month, for the months that lose some.
    """
    if not published:
        return {}
    bounds = {month: found for month, sales in arrived.items() if (found := _bounds(sales.numbers()))}
    near = _near(published, bounds)
    if not near:
        return {}
    wanted = _in_both(pl.concat(near.values()), [sales.numbers() for sales in arrived.values()])
    if wanted is None:
        return {}
    sales = {month: sales_of(_numbered(of_month.lines(), wanted)) for month, of_month in arrived.items()}
    again = {month: _again(published[month], numbers, _elsewhere(sales, month)) for month, numbers in near.items()}
    same = {month: sales.filter("same").select(SALE) for month, sales in again.items() if sales["same"].any()}
    seen, alike = sum(sales.height for sales in again.values()), sum(sales.height for sales in same.values())
    return same if 2 * alike > seen else {}


def sales_of(lines: pl.DataFrame) -> pl.DataFrame:
    """The sales in some lines, each with a number that stands for what was sold in it."""
    line = pl.struct(pl.col(c.SKU).str.to_lowercase(), c.LINHA, c.QUANTIDADE)
    return lines.filter(pl.col(c.ID_VENDA).is_not_null()).group_by(SALE).agg(line.hash().sum().alias(_CONTENT))


def without(lines: pl.DataFrame, sales: pl.DataFrame | None) -> pl.DataFrame:
    """The lines of all other sales."""
    return lines if sales is None else lines.join(sales, on=SALE, how="anti", nulls_equal=True)


def _bounds(numbers: pl.Series) -> Bounds | None:
    """The first and the last of some numbers, in the order of text."""
    first, last = numbers.min(), numbers.max()
    return (first, last) if isinstance(first, str) and isinstance(last, str) else None


def _near(published: Mapping[str, pl.LazyFrame], bounds: Mapping[str, Bounds]) -> dict[str, pl.Series]:
    """The numbers of published months that lie between the first and the last of those that arrived in others."""
    queries = {month: _between(lines, month, bounds) for month, lines in published.items()}
    asked = {month: query for month, query in queries.items() if query is not None}
    found = pl.collect_all(list(asked.values()))
    return {month: numbers.to_series() for month, numbers in zip(asked, found, strict=True) if numbers.height}


def _between(lines: pl.LazyFrame, month: str, bounds: Mapping[str, Bounds]) -> pl.LazyFrame | None:
    others = [of_month for other, of_month in bounds.items() if other != month]
    if not others:
        return None
    first, last = min(first for first, _ in others), max(last for _, last in others)
    between = pl.col(c.ID_VENDA).is_between(pl.lit(first), pl.lit(last))
    return lines.filter(between).select(pl.col(c.ID_VENDA).unique())


def _in_both(numbers: pl.Series, arrived: Sequence[pl.Series]) -> pl.Series | None:
    """The numbers that arrived too, as one list; None when there is none."""
    near = numbers.unique().implode()
    found = pl.concat([sales.filter(sales.is_in(near)) for sales in arrived]).unique()
    return None if found.is_empty() else found.implode()


def _numbered(lines: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    """The lines of the sales with these numbers."""
    return lines.filter(lines[c.ID_VENDA].is_in(numbers))


def _elsewhere(arrived: Mapping[str, pl.DataFrame], month: str) -> pl.DataFrame:
    """The upload's sales of other months, less those it has in this month too."""
    others = [sales for other, sales in arrived.items() if other != month]
    return without(pl.concat(others).unique(SALE, keep="none"), arrived.get(month))


def _again(lines: pl.LazyFrame, numbers: pl.Series, elsewhere: pl.DataFrame) -> pl.DataFrame:
    """Of the sales with these numbers in a published month, those the upload has elsewhere: do they say the same?"""
    found = numbers.filter(numbers.is_in(elsewhere[c.ID_VENDA].unique().implode()))
    if found.is_empty():
        return pl.DataFrame(schema={c.LOJA: pl.String, c.ID_VENDA: pl.String, "same": pl.Boolean})
    told = sales_of(lines.filter(pl.col(c.ID_VENDA).is_in(found.implode())).collect())
    both = told.join(elsewhere, on=SALE, how="inner", nulls_equal=True, suffix="_new")
    return both.select(*SALE, same=pl.col(_CONTENT) == pl.col(f"{_CONTENT}_new"))
