"""The real series of the forecast benches, dense: which ones, stated once and the same on every machine."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from accuracy_sets import journey, restaurant
from numpy.typing import NDArray

from app.domain.columns import CATEGORIA, DATE, QUANTITY, SKU
from app.ml.calendar import special_days
from app.ml.demand import Demand, screened
from app.ml.prophet_model import ProphetSpec, holiday_dates

Floats = NDArray[np.float64]

REGULAR = 20  # days with a sale


@dataclass(frozen=True)
class SeriesSet:
    """Real daily histories on one calendar and what Prophet is asked for.

    Attributes:
        name: for the tables.
        history: shape (n_series, n_days); NaN before a series begins.
        start: first day.
        spec: the model's settings.
    """

    name: str
    history: Floats
    start: date
    spec: ProphetSpec

    def from_first_sale(self) -> "SeriesSet":
        """The same series, each beginning on the day of its first sale."""
        history = self.history.copy()
        days = np.arange(history.shape[1])
        history[days < np.argmax(history > 0, axis=1)[:, None]] = np.nan
        return SeriesSet(f"{self.name}, from first sale", history, self.start, self.spec)

    def with_holes(self) -> "SeriesSet":
        """The same series, each missing 5 % of its days, no two the same ones (seed 0)."""
        history = self.history.copy()
        history[np.random.default_rng(0).random(history.shape) < 0.05] = np.nan
        return SeriesSet(f"{self.name}, holes of its own", history, self.start, self.spec)

    def some(self, count: int) -> "SeriesSet":
        """`count` of the series, evenly spaced."""
        chosen = np.unique(np.linspace(0, len(self.history) - 1, count).astype(int))
        return SeriesSet(self.name, self.history[chosen], self.start, self.spec)


def grocer() -> SeriesSet:
    """A grocer's year: every category, then every product sold on at least REGULAR days, each by name."""
    demand = screened(journey()).demand
    categories = _dense(demand.daily.join(demand.products, on=SKU), demand, by=CATEGORIA)
    products = _dense(demand.daily, demand, by=SKU)
    regular = products[(products > 0).sum(axis=1) >= REGULAR]
    return SeriesSet("grocer, 365 days, weekly", np.concatenate([categories, regular]), demand.first, ProphetSpec())


def take_away(folder: Path) -> SeriesSet:
    """A take-away's four years: every dish, with the Brazilian calendar's holidays and commercial dates."""
    demand = screened(restaurant(folder)).demand
    years = range(demand.first.year, demand.last.year + 2)
    spec = ProphetSpec(holidays=holiday_dates(special_days(years)))
    dishes = _dense(demand.daily, demand, by=SKU)
    name = f"take-away, {dishes.shape[1]} days, yearly + weekly + holidays"
    return SeriesSet(name, dishes, demand.first, spec)


def _dense(daily: pl.DataFrame, demand: Demand, *, by: str) -> Floats:
    units = daily.drop_nulls(by).group_by(by, DATE).agg(pl.col(QUANTITY).sum()).sort(by, DATE)
    rows = units[by].rank("dense").to_numpy() - 1
    days = (units[DATE] - demand.first).dt.total_days().to_numpy()
    table = np.zeros((int(rows[-1]) + 1, (demand.last - demand.first).days + 1))
    table[rows, days] = units[QUANTITY].to_numpy()
    return table
