"""What was sold."""

import polars as pl

from app.core.clients import Clients
from app.domain.columns import DATE, ID, QUANTITY, REVENUE, SKU
from app.domain.forecasts import NO_CATEGORY, Level
from app.pipeline.merging import FEATURES
from app.pipeline.reading.current import Published
from app.pipeline.reading.objects import names, remembered
from app.pipeline.reading.slices import CATEGORY, NAME, Page, Slice, ordered, page, sliced

SALES_SORTS = ("date", "quantity", "revenue", "id", "name")
_PERIODS = {"daily": "1d", "weekly": "1w", "monthly": "1mo"}


def sales(clients: Clients, what: Published, wanted: Slice, *, period: str = "daily") -> Page:
    """What was sold, of the company unless another level is asked: id, name, date (of the period), quantity, revenue.

    Raises:
        StaleCursor: the cursor is of another run or question.
    """
    by_day = sliced(_lines(clients, what, wanted), Slice(first_day=wanted.first_day, last_day=wanted.last_day))
    if wanted.category is not None:
        by_day = by_day.filter(pl.col(CATEGORY) == wanted.category)
    identity = {
        Level.PRODUCT: (pl.col(SKU), pl.col(NAME)),
        Level.CATEGORY: (pl.col(CATEGORY), pl.col(CATEGORY)),
    }.get(wanted.level or Level.COMPANY, (pl.lit(what.company.cnpj.text), pl.lit(what.company.name)))
    frame = (
        by_day.select(identity[0].alias(ID), identity[1].alias(NAME), pl.col(DATE, QUANTITY, REVENUE))
        .filter(True if wanted.id is None else pl.col(ID) == wanted.id)
        .group_by(ID, NAME, pl.col(DATE).dt.truncate(_PERIODS[period]))
        .agg(pl.col(QUANTITY).sum(), pl.col(REVENUE).sum())
        .sort(ID, DATE)
    )
    return page(ordered(sliced(frame, Slice(search=wanted.search)), wanted), what, wanted, of=f"sales {period}")


def _lines(clients: Clients, what: Published, wanted: Slice) -> pl.LazyFrame:
    """The months that the days asked for touch, each line with its product's name and category."""
    keys = [key for (kind, month), key in sorted(what.keys.items()) if kind == FEATURES and _touches(month, wanted)]
    empty = pl.LazyFrame(schema={SKU: pl.String, DATE: pl.Date, QUANTITY: pl.Float64, REVENUE: pl.Float64})
    months = pl.concat([empty, *(remembered(clients, key).lazy() for key in keys)], how="diagonal_relaxed")
    known = names(clients, what).rename({ID: SKU})
    return months.join(known, on=SKU, how="left").with_columns(pl.col(CATEGORY).fill_null(NO_CATEGORY))


def _touches(month: str, wanted: Slice) -> bool:
    first, last = wanted.first_day, wanted.last_day
    return (first is None or month >= f"{first:%Y-%m}") and (last is None or month <= f"{last:%Y-%m}")
