"""What will sell: totals, days, and how wrong such forecasts were."""

from datetime import timedelta

import polars as pl

from app.core.clients import Clients
from app.domain.columns import DATE, HORIZON_DAYS, ID, LEVEL, REVENUE_MEAN
from app.domain.forecasts import NO_CATEGORY, Level
from app.pipeline.frames import scan_frame
from app.pipeline.reading.current import Published
from app.pipeline.reading.objects import names, remembered
from app.pipeline.reading.slices import CATEGORY, NAME, Page, Slice, ordered, page, sliced

TOTALS_SORTS = ("revenue_mean", "mean", "id", "name", "horizon_days")
DAILY_SORTS = ("date", "mean", "id", "name")


def totals(clients: Clients, what: Published, wanted: Slice, *, horizon_days: int | None = None) -> Page:
    """Totals of the next 30, 60 and 90 days: level, id, name, horizon_days, mean, p10, p50, p90, revenue_mean.

    What earns most comes first, unless another order is asked.

    Raises:
        StaleCursor: the cursor is of another run or question.
    """
    frame = _of_level(clients, what, remembered(clients, what.key("totals")).lazy(), wanted)
    if horizon_days is not None:
        frame = frame.filter(pl.col(HORIZON_DAYS) == horizon_days)
    biggest = pl.col(REVENUE_MEAN).max().over(LEVEL, ID)
    first = frame.sort(biggest, LEVEL, ID, HORIZON_DAYS, descending=[True, False, False, False])
    rows = ordered(sliced(_with_names(clients, what, first), wanted), wanted)
    return page(rows, what, wanted, of=f"totals {horizon_days}")


def daily(clients: Clients, what: Published, wanted: Slice, *, horizon_days: int | None = None) -> Page:
    """The next 90 days one by one: level, id, name, date, mean, p10, p50, p90; in the order of level, id and date.

    With a horizon, its days alone.

    Only the columns and row groups that are needed are read.

    Raises:
        StaleCursor: the cursor is of another run or question.
    """
    frame = _of_level(clients, what, scan_frame(clients.store, what.key("forecast")), wanted)
    if horizon_days is not None:
        frame = frame.filter(pl.col(DATE) <= what.last_day + timedelta(days=horizon_days))
    first = frame.sort(LEVEL, ID, DATE)
    rows = ordered(sliced(_with_names(clients, what, first), wanted), wanted)
    return page(rows, what, wanted, of=f"daily {horizon_days}")


def accuracy(clients: Clients, what: Published) -> pl.DataFrame:
    """The backtest of the run, ours beside seasonal naive, per level and horizon."""
    return remembered(clients, what.key("accuracy"))


def _of_level(clients: Clients, what: Published, frame: pl.LazyFrame, wanted: Slice) -> pl.LazyFrame:
    if wanted.level is not None:
        frame = frame.filter(pl.col(LEVEL) == wanted.level)
    if wanted.id is not None:
        frame = frame.filter(pl.col(ID) == wanted.id)
    if wanted.category is not None:
        frame = frame.filter(_in_category(clients, what, wanted.category))
    return frame


def _in_category(clients: Clients, what: Published, category: str) -> pl.Expr:
    """The category itself, its products, and its new products."""
    known = names(clients, what).with_columns(pl.col(CATEGORY).fill_null(NO_CATEGORY)).collect()
    members = known.filter(pl.col(CATEGORY) == category)[ID].implode()
    is_product = (pl.col(LEVEL) == Level.PRODUCT) & pl.col(ID).is_in(members)
    return is_product | (pl.col(LEVEL).is_in([Level.CATEGORY, Level.NEW_PRODUCTS]) & (pl.col(ID) == category))


def _with_names(clients: Clients, what: Published, frame: pl.LazyFrame) -> pl.LazyFrame:
    """Beside each id what people call it: a product by its description, the company by its name."""
    named = frame.join(names(clients, what).select(ID, NAME), on=ID, how="left", maintain_order="left")
    name = (
        pl.when(pl.col(LEVEL) == Level.COMPANY)
        .then(pl.lit(what.company.name))
        .when(pl.col(LEVEL) == Level.PRODUCT)
        .then(pl.col(NAME))
        .otherwise(pl.col(ID))
    )
    first = (LEVEL, ID, NAME)
    return named.with_columns(name.alias(NAME)).select(*first, pl.exclude(first))
