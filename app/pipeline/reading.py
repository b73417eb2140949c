"""What is published, sliced for a reader: the API, the command line, the page."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import polars as pl
from sqlalchemy import select

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.s3 import Store
from app.core.tables import PublishedRow, RunRow
from app.domain.cnpj import Cnpj
from app.domain.columns import CATEGORIA, DATE, DESCRICAO, HORIZON_DAYS, ID, LEVEL, QUANTITY, REVENUE, REVENUE_MEAN, SKU
from app.domain.errors import NotForecastYet, StaleCursor
from app.domain.forecasts import NO_CATEGORY, Level
from app.pipeline.companies import Company, find_company
from app.pipeline.frames import read_frame, scan_frame
from app.pipeline.preparation import FEATURES, PRODUCTS
from app.pipeline.publishing import ALL_MONTHS

NAME = "name"
CATEGORY = "category"
_PERIODS = {"daily": "1d", "weekly": "1w", "monthly": "1mo"}


@dataclass(frozen=True)
class Published:
    """One company as it is served now: one run, and the keys of everything that belongs to it."""

    company: Company
    run: UUID
    last_day: date
    published_at: datetime
    metrics: Mapping[str, Any]
    keys: Mapping[tuple[str, str], str]

    def key(self, kind: str) -> str:
        """The key of a frame that belongs to no month."""
        return self.keys[kind, ALL_MONTHS]

    def facts(self) -> dict[str, Any]:
        """What every answer says of where it comes from."""
        return {
            "cnpj": self.company.cnpj.text,
            "run_id": self.run,
            "last_day": self.last_day,
            "published_at": self.published_at,
        }


class Page(NamedTuple):
    """Some rows of an answer, and where the next ones start."""

    rows: pl.DataFrame
    next_cursor: str | None


@dataclass(frozen=True)
class Slice:
    """Which rows of an answer are wanted."""

    level: Level | None = None
    id: str | None = None
    limit: int = 100
    cursor: str | None = None


def published(clients: Clients, account: AccountId, cnpj: Cnpj) -> Published:
    """What is served for a company of the account: one whole run, seen in one transaction.

    Raises:
        UnknownCompany: the account has no such company.
        NotForecastYet: it has, and no run of it has finished.
    """
    with clients.database.session(account) as session:
        company = find_company(session, cnpj)
        rows = session.scalars(select(PublishedRow).where(PublishedRow.company_id == company.id)).all()
        runs = {row.run_id for row in rows if row.run_id}
        if not runs:
            raise NotForecastYet(cnpj=cnpj.formatted)
        run = session.scalars(select(RunRow).where(RunRow.id.in_(runs))).one()
    return Published(
        company=company,
        run=run.id,
        last_day=date.fromisoformat(run.metrics["last_day"]),
        published_at=max(row.published_at for row in rows),
        metrics=run.metrics,
        keys={(row.kind, row.month): row.key for row in rows},
    )


def totals(clients: Clients, what: Published, wanted: Slice, *, horizon_days: int | None = None) -> Page:
    """Totals of the next 30, 60 and 90 days: level, id, name, horizon_days, mean, p10, p50, p90, revenue_mean.

    What earns most comes first.
    """
    frame = _of_level(_cached(clients.store, what.key("totals")).lazy(), wanted)
    if horizon_days is not None:
        frame = frame.filter(pl.col(HORIZON_DAYS) == horizon_days)
    biggest = pl.col(REVENUE_MEAN).max().over(LEVEL, ID)
    ordered = frame.sort(biggest, LEVEL, ID, HORIZON_DAYS, descending=[True, False, False, False])
    return _page(_with_names(clients, what, ordered), what, wanted)


def daily(clients: Clients, what: Published, wanted: Slice) -> Page:
    """The next 90 days one by one: level, id, name, date, mean, p10, p50, p90; in the order of level, id and date."""
    frame = _of_level(scan_frame(clients.store, what.key("forecast")), wanted)
    return _page(_with_names(clients, what, frame), what, wanted)


def accuracy(clients: Clients, what: Published) -> pl.DataFrame:
    """The backtest of the run, ours beside seasonal naive, per level and horizon."""
    return _cached(clients.store, what.key("accuracy"))


def products(clients: Clients, what: Published, wanted: Slice) -> Page:
    """Every product with its name, category, totals of 30, 60 and 90 days, and grade; what earns most first."""
    totals_of = _cached(clients.store, what.key("totals")).filter(pl.col(LEVEL) == Level.PRODUCT)
    wide = totals_of.pivot(HORIZON_DAYS, index=ID, values=["mean", REVENUE_MEAN])
    series = _cached(clients.store, what.key("series")).filter(pl.col(LEVEL) == Level.PRODUCT).drop(LEVEL)
    frame = wide.lazy().join(series.lazy(), on=ID, how="left").sort(f"{REVENUE_MEAN}_30", ID, descending=[True, False])
    if wanted.id is not None:
        frame = frame.filter(pl.col(ID) == wanted.id)
    return _page(frame.join(_names(clients, what), on=ID, how="left", maintain_order="left"), what, wanted)


def sales(clients: Clients, what: Published, wanted: Slice, *, period: str = "daily") -> Page:
    """What was sold, of the company unless another level is asked: id, date (of the period), quantity, revenue."""
    months = [key for (kind, _), key in sorted(what.keys.items()) if kind == FEATURES]
    lines = pl.concat([_cached(clients.store, key).lazy() for key in months])
    names = _names(clients, what).rename({ID: SKU})
    key = {Level.PRODUCT: pl.col(SKU), Level.CATEGORY: pl.col(CATEGORY).fill_null(NO_CATEGORY)}.get(
        wanted.level or Level.COMPANY, pl.lit(what.company.cnpj.text)
    )
    frame = (
        lines.join(names, on=SKU, how="left")
        .with_columns(key.alias(ID), pl.col(DATE).dt.truncate(_PERIODS[period]))
        .filter(True if wanted.id is None else pl.col(ID) == wanted.id)
        .group_by(ID, DATE)
        .agg(pl.col(QUANTITY).sum(), pl.col(REVENUE).sum())
        .sort(ID, DATE)
    )
    return _page(frame, what, wanted)


def _of_level(frame: pl.LazyFrame, wanted: Slice) -> pl.LazyFrame:
    if wanted.level is not None:
        frame = frame.filter(pl.col(LEVEL) == wanted.level)
    return frame if wanted.id is None else frame.filter(pl.col(ID) == wanted.id)


def _with_names(clients: Clients, what: Published, frame: pl.LazyFrame) -> pl.LazyFrame:
    """Beside each id what people call it: a product by its description, the company by its name."""
    named = frame.join(_names(clients, what).select(ID, NAME), on=ID, how="left", maintain_order="left")
    name = (
        pl.when(pl.col(LEVEL) == Level.COMPANY)
        .then(pl.lit(what.company.name))
        .when(pl.col(LEVEL) == Level.PRODUCT)
        .then(pl.col(NAME))
        .otherwise(pl.col(ID))
    )
    first = (LEVEL, ID, NAME)
    return named.with_columns(name.alias(NAME)).select(*first, pl.exclude(first))


def _names(clients: Clients, what: Published) -> pl.LazyFrame:
    if (PRODUCTS, ALL_MONTHS) not in what.keys:
        return pl.LazyFrame(schema={ID: pl.String, NAME: pl.String, CATEGORY: pl.String})
    catalogue = _cached(clients.store, what.key(PRODUCTS)).lazy()
    return catalogue.select(pl.col(SKU).alias(ID), pl.col(DESCRICAO).alias(NAME), pl.col(CATEGORIA).alias(CATEGORY))


def _page(frame: pl.LazyFrame, what: Published, wanted: Slice) -> Page:
    start = _start(wanted.cursor, run=what.run)
    rows = frame.slice(start, wanted.limit + 1).collect()
    more = rows.height > wanted.limit
    return Page(rows.head(wanted.limit), _cursor(start + wanted.limit, run=what.run) if more else None)


def _cursor(start: int, *, run: UUID) -> str:
    return base64.urlsafe_b64encode(f"{run}:{start}".encode()).decode()


def _start(cursor: str | None, *, run: UUID) -> int:
    """Where a page starts. A cursor belongs to the run it came from: another run has other rows in other places."""
    if cursor is None:
        return 0
    try:
        found, _, start = base64.urlsafe_b64decode(cursor).decode().rpartition(":")
        if found == str(run) and start.isdecimal():
            return int(start)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise StaleCursor


@lru_cache(maxsize=64)
def _cached(store: Store, key: str) -> pl.DataFrame:
    """A frame that fits in memory. Objects never change, so what was read once is right for ever."""
    return read_frame(store, key)
