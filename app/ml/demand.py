"""What a company sold, as the forecaster takes it."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from app.domain.columns import CATEGORIA, DATE, DESCRICAO, PRECO_VENDA, QUANTITY, RETURNED, REVENUE, SKU, UNIDADE
from app.domain.errors import NothingToForecast
from app.domain.forecasts import NO_CATEGORY
from app.domain.states import State
from app.ml.out_of_pattern import out_of_pattern

LONGEST_HISTORY = 4 * 365 + 1  # days; older sales say little about the next 90 and cost as much as the newer ones
NEVER_MORE_THAN = 1e9  # units of one product on one day; beyond it a number is a mistake, not a sale


@dataclass(frozen=True)
class Demand:
    """One company's sales by product and day.

    Attributes:
        daily: sku, date, quantity, revenue, returned; a row only where something was sold or returned.
        products: sku, descricao, categoria (null allowed), preco_venda (null allowed), unidade; one row a product.
        first: first day of the history.
        last: last day of the history; the forecast starts on the day after.
        company: the CNPJ, id of the company's own series.
        state: where it sells from, for the state's own holidays; None for the national ones alone.
    """

    daily: pl.DataFrame
    products: pl.DataFrame
    first: date
    last: date
    company: str
    state: State | None = None

    @property
    def looked_at_from(self) -> date:
        """First of the days that a forecast looks at."""
        return max(self.first, self.last - timedelta(days=LONGEST_HISTORY - 1))


class Screened(NamedTuple):
    """A demand that is safe to compute with, and what of it was not.

    Attributes:
        demand: one row a product and day.
        rows_left_out: rows that cannot be sales.
        held_out: sales too large for the shop: sku, date, quantity; the largest first.
    """

    demand: Demand
    rows_left_out: int
    held_out: pl.DataFrame


def screened(demand: Demand) -> Screened:
    """Leave out rows that cannot be sales: no product, no day inside the history, NaN, infinite or negative units.

    And hold out days of a product that are out of all pattern (`out_of_pattern`), of those that are looked at.

    Raises:
        NothingToForecast: no row with a sale is left.
    """
    usable = (
        pl.col(SKU).is_not_null()
        & pl.col(DATE).is_between(demand.first, demand.last).fill_null(value=False)
        & pl.col(QUANTITY).is_between(0, NEVER_MORE_THAN).fill_null(value=False)
    )
    rows = demand.daily.select(SKU, DATE, pl.col(QUANTITY).cast(pl.Float64), _money(REVENUE), _money(RETURNED))
    kept = rows.filter(usable)
    sold = kept.filter(pl.col(QUANTITY) > 0)
    if sold.is_empty():
        raise NothingToForecast
    every = sold.group_by(SKU, DATE).sum().sort(SKU, DATE)
    held_out = out_of_pattern(every.filter(pl.col(DATE) >= demand.looked_at_from))
    daily = every.join(held_out, on=[SKU, DATE], how="anti", maintain_order="left")
    clean = replace(demand, daily=daily, products=_catalogue(demand.products, every))
    return Screened(clean, rows.height - kept.height, held_out)


def _money(column: str) -> pl.Expr:
    """NaN, missing and negative amounts count as nothing."""
    number = pl.col(column).cast(pl.Float64).fill_nan(0).fill_null(0)
    return pl.when(number.is_between(0, NEVER_MORE_THAN)).then(number).otherwise(0.0).alias(column)


def _catalogue(products: pl.DataFrame, daily: pl.DataFrame) -> pl.DataFrame:
    """One row for every product that is listed or was sold, in the order of its sku, with a category each."""
    listed = products.filter(pl.col(SKU).is_not_null()).unique(SKU, keep="first", maintain_order=True)
    every = pl.concat([listed.select(SKU), daily.select(SKU)]).unique().sort(SKU)
    price = pl.col(PRECO_VENDA).cast(pl.Float64)
    return every.join(listed, on=SKU, how="left", maintain_order="left").select(
        SKU,
        pl.col(DESCRICAO).cast(pl.String).fill_null(pl.col(SKU)),
        pl.col(CATEGORIA).cast(pl.String).str.strip_chars().replace("", None).fill_null(NO_CATEGORY),
        pl.when(price.is_between(0, NEVER_MORE_THAN)).then(price).alias(PRECO_VENDA),
        pl.col(UNIDADE).cast(pl.String).fill_null("un"),
    )
