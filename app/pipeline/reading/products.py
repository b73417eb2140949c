"""Products: what each one is worth, when it last sold, where it is going, and what it will sell."""

from datetime import timedelta
from typing import Final

import polars as pl

from app.core.clients import Clients
from app.domain.columns import DATE, HORIZON_DAYS, ID, LEVEL, MEAN, PRECO_VENDA, QUANTITY, REVENUE, REVENUE_MEAN, SKU
from app.domain.forecasts import HORIZONS, Level
from app.domain.text import Language
from app.pipeline.merging import FEATURES
from app.pipeline.reading.current import Published
from app.pipeline.reading.objects import catalogue, names, remembered
from app.pipeline.reading.slices import CATEGORY, NAME, Page, Slice, ordered, page, sliced

_A_UP_TO: Final = 0.80  # of the last year's revenue, the biggest first (Pareto's rule as shops use it)
_B_UP_TO: Final = 0.95
_YEAR: Final = timedelta(days=365)
_MONTH: Final = timedelta(days=30)
_SERIES = ("model", "demand_class", "grade", "reason")
_REASON_EN: Final = "reason_en"

PRODUCTS_SORTS = ("revenue_mean_30", "mean_30", "mean_90", "revenue_365", "last_sale", "trend", "price", "name", "id")
_COLUMNS = (
    (ID, NAME, CATEGORY, "abc", "price", "last_sale", "sold_30", "revenue_365", "trend"),
    tuple(f"mean_{horizon}" for horizon in HORIZONS),
    tuple(f"revenue_mean_{horizon}" for horizon in HORIZONS),
    _SERIES,
)


def products(clients: Clients, what: Published, wanted: Slice, *, language: Language = "pt-BR") -> Page:
    """Every product, what earns most first; see `ProductRow` of the API for the columns.

    Forecasts are null for a product that has not sold yet and of which nothing can be said; `reason` says so.
    `reason` is in the language, or in Portuguese in a forecast of before it was told in English.

    `abc` is of the last 365 days' revenue; `trend` is the next 30 days beside the last 30, 0.1 is 10 % more.

    Raises:
        StaleCursor: the cursor is of another run or question.
    """
    frame = _table(clients, what, language)
    if wanted.id is not None:
        frame = frame.filter(pl.col(ID) == wanted.id)
    if wanted.category is not None:
        frame = frame.filter(pl.col(CATEGORY) == wanted.category)
    return page(ordered(sliced(frame, wanted), wanted), what, wanted, of="products")


def _table(clients: Clients, what: Published, language: Language) -> pl.LazyFrame:
    table = (
        _series(clients, what, language)
        .join(_ahead(clients, what), on=ID, how="left")
        .join(_behind(clients, what), on=ID, how="left")
        .join(names(clients, what), on=ID, how="left")
        .join(_prices(clients, what), on=ID, how="left")
        .with_columns(trend=pl.when(pl.col("sold_30") > 0).then(pl.col("mean_30") / pl.col("sold_30") - 1))
    )
    columns = [name for group in _COLUMNS for name in group]
    return table.select(columns).sort("revenue_mean_30", ID, descending=[True, False], nulls_last=True)


def _ahead(clients: Clients, what: Published) -> pl.LazyFrame:
    totals = remembered(clients, what.key("totals")).lazy().filter(pl.col(LEVEL) == Level.PRODUCT)
    wide = [
        pl.col(value).filter(pl.col(HORIZON_DAYS) == horizon).first().alias(f"{name}_{horizon}")
        for value, name in ((MEAN, "mean"), (REVENUE_MEAN, "revenue_mean"))
        for horizon in HORIZONS
    ]
    return totals.group_by(ID).agg(wide)


def _behind(clients: Clients, what: Published) -> pl.LazyFrame:
    """What was sold, from the months that the last year touches; a product that sold before that was last seen then."""
    lines = pl.concat([remembered(clients, key).lazy() for key in what.months(FEATURES)], how="diagonal_relaxed")
    sold = pl.col(QUANTITY) > 0
    lately, this_year = (pl.col(DATE) > what.last_day - span for span in (_MONTH, _YEAR))
    facts = lines.group_by(pl.col(SKU).alias(ID)).agg(
        pl.col(DATE).filter(sold).max().alias("last_sale"),
        pl.col(QUANTITY).filter(lately).sum().alias("sold_30"),
        pl.col(REVENUE).filter(this_year).sum().alias("revenue_365"),
    )
    return facts.sort("revenue_365", ID, descending=[True, False]).with_columns(abc=_abc(pl.col("revenue_365")))


def _abc(revenue: pl.Expr) -> pl.Expr:
    """A until the biggest make up 80 % of the revenue, B until 95 %, then C; what crosses a line is still above it."""
    before = (revenue.cum_sum() - revenue) / revenue.sum()
    return pl.when(before < _A_UP_TO).then(pl.lit("A")).when(before < _B_UP_TO).then(pl.lit("B")).otherwise(pl.lit("C"))


def _prices(clients: Clients, what: Published) -> pl.LazyFrame:
    return catalogue(clients, what).select(pl.col(SKU).alias(ID), pl.col(PRECO_VENDA).alias("price"))


def _series(clients: Clients, what: Published, language: Language) -> pl.LazyFrame:
    series = remembered(clients, what.key("series")).lazy().filter(pl.col(LEVEL) == Level.PRODUCT)
    known = set(series.collect_schema().names())
    told = {name: pl.col(name) if name in known else pl.lit(None, pl.String) for name in _SERIES}
    if language == "en" and _REASON_EN in known:
        told["reason"] = pl.coalesce(_REASON_EN, told["reason"])
    return series.select(ID, **told)
