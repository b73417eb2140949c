"""A company's demand as arrays on one calendar: what every model is handed.

day 0 ......................... day n_days - 1 | horizon
x x x . . x x x x x . x x x x x x x x x x x x x | ? ? ? ...      x: open   .: the shop was closed
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import CATEGORIA, DATE, PRECO_VENDA, QUANTITY, REVENUE, SKU
from app.domain.states import State
from app.ml.demand import Demand

BLOCK = 8192  # products laid out densely at a time: memory stays bounded however many there are
MOST_CERTAIN = 0.98  # share of a weekday's days with a sale beyond which nothing is surer
SURPRISING = 1e-4  # a run of empty days less likely than this, were the shop open, is a closure
ALMOST_NEVER = 0.03  # a weekday with sales on fewer of its days is a closed weekday
SOLVED = 60  # steps of a fixed point that is only far off where next to nothing sells
SEEN_ENOUGH = 6  # and only once it was seen this often
SPIKE = 20  # times the next largest day: more is taken for a mistake
RECENT = 90  # days from which a price is taken

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class History:
    """Sales of every product on one calendar, sparse, and the days on which the shop was open.

    Attributes:
        first: the date of day 0.
        n_days: length of the calendar; the forecast starts on day `n_days`.
        skus: one a product, sorted; everything about products follows this order.
        categories: names, sorted.
        category_of: index into `categories`, one a product.
        product, day, quantity: one entry a sale, sorted by product, then day.
        price: recent BRL a unit, one a product, NaN where none is known.
        open_days: one flag a day.
        state: whose holidays count beside the national ones, or None.
        spikes: products whose one extreme day was limited: index in `skus`, date, units sold, units kept.
    """

    first: date
    n_days: int
    skus: list[str]
    categories: list[str]
    category_of: Ints
    product: Ints
    day: Ints
    quantity: Floats
    price: Floats
    open_days: Flags
    state: State | None
    spikes: pl.DataFrame

    @cached_property
    def starts(self) -> Ints:
        """Where each product's sales begin in the sparse arrays; one more entry than products."""
        return np.searchsorted(self.product, np.arange(len(self.skus) + 1))

    @property
    def weekday_of_day_0(self) -> int:
        """0 is Monday."""
        return self.first.weekday()

    def blocks(self) -> Iterator[slice]:
        """Products in runs of at most BLOCK."""
        for start in range(0, len(self.skus), BLOCK):
            yield slice(start, min(start + BLOCK, len(self.skus)))

    def dense(self, block: slice) -> Floats:
        """Units (n_days, products of the block); zero where nothing was sold."""
        rows = slice(self.starts[block.start], self.starts[block.stop])
        units = np.zeros((self.n_days, block.stop - block.start))
        units[self.day[rows], self.product[rows] - block.start] = self.quantity[rows]
        return units

    def dense_of(self, chosen: Ints, *, days: int) -> Floats:
        """Units (days, chosen products) of the first `days` days; zero where nothing was sold."""
        units = np.zeros((days, len(chosen)))
        for column, product in enumerate(chosen):
            rows = slice(self.starts[product], self.starts[product + 1])
            early = self.day[rows] < days
            units[self.day[rows][early], column] = self.quantity[rows][early]
        return units

    def by_category(self) -> Floats:
        """Units (n_days, categories)."""
        cell = self.day * len(self.categories) + self.category_of[self.product]
        flat = np.bincount(cell, weights=self.quantity, minlength=self.n_days * len(self.categories))
        return flat.astype(np.float64).reshape(self.n_days, len(self.categories))

    def dates_ahead(self, days: int) -> list[date]:
        """The days after the history."""
        return [self.first + timedelta(days=self.n_days + ahead) for ahead in range(days)]


def history_of(demand: Demand) -> History:
    """Lay a screened demand out as arrays; those of its days that are looked at."""
    first = demand.looked_at_from
    n_days = (demand.last - first).days + 1
    recent = demand.daily.filter(pl.col(DATE) >= first)
    sold = demand.products.join(recent.select(SKU).unique(), on=SKU, how="semi").sort(SKU)
    categories = sold[CATEGORIA].unique().sort().to_list()
    rows, spikes = _without_spikes(_indexed(recent, sold=sold, first=first))
    product, day, quantity = (rows[name].to_numpy() for name in ("product", "day", QUANTITY))
    return History(
        first=first,
        n_days=n_days,
        skus=sold[SKU].to_list(),
        categories=categories,
        category_of=np.searchsorted(np.array(categories), sold[CATEGORIA].to_numpy().astype(str)),
        product=product,
        day=day,
        quantity=quantity,
        price=_recent_prices(rows, sold=sold),
        open_days=open_days(np.bincount(day, minlength=n_days), weekday_of_day_0=first.weekday()),
        state=demand.state,
        spikes=spikes,
    )


def open_days(sales: Ints, *, weekday_of_day_0: int) -> Flags:
    """Which days the shop was open, told from how many products sold on each.

    A run of days without any sale is a closure when it is too unlikely for that shop: a busy shop is closed on its
    first empty day, a shop that sells one thing a week only after months. How busy it is, its days with sales tell. A
    weekday that never sells is closed too, and one that once did not for weeks on end while most did, whenever it is
    empty.

    Args:
        sales: number of products sold, one a day.
        weekday_of_day_0: 0 is Monday.
    """
    weekday = (np.arange(len(sales)) + weekday_of_day_0) % 7
    empty = sales == 0
    usual = ~in_runs(empty, at_least=np.full(len(sales), 1.0), total=15)
    surprise = np.zeros(len(sales))
    shares = [_open_share(sales[(weekday == one) & usual]) for one in range(7)]
    of_most = -np.log1p(-min(float(np.median([share for share, _ in shares])), MOST_CERTAIN))
    shut = np.zeros(len(sales), dtype=bool)
    for one, (share, pace) in enumerate(shares):
        days = weekday == one
        seen = days & usual
        surprise[days] = max(pace / 2, -np.log1p(-min(share, MOST_CERTAIN)))
        never = share < ALMOST_NEVER and seen.sum() >= SEEN_ENOUGH
        shut |= days & empty & (never or _for_weeks(empty[days], surprise=of_most))
    return ~(shut | in_runs(empty, at_least=surprise, total=-np.log(SURPRISING)))


def _open_share(sales: Ints) -> tuple[float, float]:
    """Share of these days with a sale, and number of sales on a day on which it is open; nothing known is closed."""
    if not sales.any():
        return 0.0, 0.0
    return float((sales > 0).mean()), max(float(sales.mean()), _pace_when_open(sales[sales > 0]))


def _pace_when_open(sales: Ints) -> float:
    """Mean number of sales of open days, told from those that are not empty: of the others some were closed.

    Where sales come at random, the days with any have m = pace / (1 - exp(-pace)) on average. Their median is taken for
    m, so that the high season does not close the low one.
    """
    middle = pace = float(np.median(sales))
    for _ in range(SOLVED):
        pace = middle * -np.expm1(-pace)
    return pace


def _for_weeks(empty: Flags, *, surprise: float) -> bool:
    """Whether one weekday's days are empty for long on end, and longer than is likely of a weekday like most."""
    often = in_runs(empty, at_least=np.ones(len(empty)), total=SEEN_ENOUGH)
    return bool((often & in_runs(empty, at_least=np.full(len(empty), surprise), total=-np.log(SURPRISING))).any())


def in_runs(flags: Flags, *, at_least: Floats, total: float) -> Flags:
    """The flagged days whose unbroken run adds up to `total` or more of `at_least`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    chosen = np.zeros(len(flags), dtype=bool)
    for start, end in edges.reshape(-1, 2):
        chosen[start:end] = at_least[start:end].sum() >= total
    return chosen


def _indexed(recent: pl.DataFrame, *, sold: pl.DataFrame, first: date) -> pl.DataFrame:
    """Sales with their product's index and their day's number."""
    numbered = sold.select(SKU, CATEGORIA, PRECO_VENDA).with_row_index("product")
    return (
        recent.join(numbered, on=SKU, maintain_order="left")
        .with_columns(pl.col("product").cast(pl.Int64), (pl.col(DATE) - first).dt.total_days().alias("day"))
        .with_columns(pl.col(QUANTITY).alias("units"))
        .sort("product", "day")
    )


def _without_spikes(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Limit a product's single extreme day to its next largest, and say so.

    A typing mistake (10.000 for 10) would otherwise be forecast for months. A product sold on one day only is held
    against the largest ordinary day of its category. Only one day a product, and only beyond SPIKE times the next.
    """
    by_size = pl.col(QUANTITY).sort(descending=True)
    largest = rows.group_by("product", CATEGORIA).agg(
        by_size.first().alias("top"), by_size.get(1, null_on_oob=True).alias("next")
    )
    ordinary = largest.select(CATEGORIA, pl.coalesce("next", "top").quantile(0.9).over(CATEGORIA).alias("of_category"))
    limits = (
        largest.join(ordinary.unique(), on=CATEGORIA)
        .select("product", "top", pl.coalesce("next", "of_category").alias("kept"))
        .filter(pl.col("top") > SPIKE * pl.col("kept"))
    )
    spikes = (
        rows.join(limits, left_on=["product", QUANTITY], right_on=["product", "top"])
        .select("product", DATE, pl.col(QUANTITY), "kept")
        .sort("product", DATE)
    )
    limited = rows.join(limits, on="product", how="left", maintain_order="left").with_columns(
        pl.when(pl.col(QUANTITY) == pl.col("top")).then("kept").otherwise(QUANTITY).alias(QUANTITY)
    )
    return limited.drop("top", "kept"), spikes


def _recent_prices(rows: pl.DataFrame, *, sold: pl.DataFrame) -> Floats:
    """BRL a unit: of the last RECENT days with sales, else of all, else the listed price, else the category's."""
    paid = pl.col(REVENUE) > 0
    value = pl.col(REVENUE).filter(paid)
    per_unit = value.sum() / pl.col("units").filter(paid).sum()
    recent = rows.filter(pl.col("day") > pl.col("day").max() - RECENT).group_by("product").agg(per_unit.alias("recent"))
    overall = rows.group_by("product").agg(per_unit.alias("overall"))
    listed = (
        sold.select(CATEGORIA, PRECO_VENDA).with_row_index("product").with_columns(pl.col("product").cast(pl.Int64))
    )
    priced = listed.join(recent, on="product", how="left", maintain_order="left").join(
        overall, on="product", how="left", maintain_order="left"
    )
    own = pl.coalesce(pl.col("recent").fill_nan(None), pl.col("overall").fill_nan(None), PRECO_VENDA)
    priced = priced.with_columns(own.alias("own"))
    filled = priced.select(pl.coalesce("own", pl.col("own").median().over(CATEGORIA)).cast(pl.Float64))
    return filled.to_series().fill_null(float("nan")).to_numpy()
