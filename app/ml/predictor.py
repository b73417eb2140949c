"""From a trained forecast to what is published: daily paths, totals, ranges, on levels that agree."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import (
    DATE,
    HORIZON_DAYS,
    ID,
    LEVEL,
    MEAN,
    MODEL,
    P10,
    P50,
    P90,
    REVENUE_MEAN,
)
from app.domain.forecasts import DAYS_AHEAD, HORIZONS, Level
from app.ml.demand_classes import CLASSES
from app.ml.learning import PLAIN
from app.ml.levels import Agreed, agreed
from app.ml.ranges import Calibration
from app.ml.trainer import Trained, TrainedLevel

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Forecasts:
    """What a run publishes.

    Attributes:
        forecast: level, id, date, mean, p10, p50, p90; units on each of the next 90 days.
        totals: level, id, horizon_days, mean, p10, p50, p90, revenue_mean; units and BRL of the next 30, 60, 90 days.
        accuracy: level, horizon_days, model, mape, rmse, wape, rmsse, bias, coverage; of the backtest.
        series: level, id, model, demand_class, grade, reason; which model serves each series, and why.
        versions: of the libraries that computed it.
        snapshot: SHA-256 of what it was computed from.
    """

    forecast: pl.DataFrame
    totals: pl.DataFrame
    accuracy: pl.DataFrame
    series: pl.DataFrame
    versions: dict[str, str]
    snapshot: str


def predict(trained: Trained) -> Forecasts:
    """The next 90 days at every level; categories sum to the company, products and new products to their category."""
    levels = agreed(
        daily_paths(trained.company),
        daily_paths(trained.categories),
        daily_paths(trained.products),
        category_of=trained.history.category_of,
    )
    tables = [_LevelTables(trained, *part) for part in _parts(trained, levels)]
    return Forecasts(
        forecast=pl.concat([table.forecast() for table in tables]),
        totals=pl.concat([table.totals() for table in tables]),
        accuracy=trained.accuracy,
        series=pl.concat([table.series() for table in tables]),
        versions={name: version(name) for name in ("numpy", "polars", "scipy", "prophet")},
        snapshot=snapshot_of(trained),
    )


def snapshot_of(trained: Trained) -> str:
    """SHA-256 of the sales that were forecast from: the same snapshot gives the same forecast."""
    history = trained.history
    digest = hashlib.sha256(f"{history.first} {history.n_days} {trained.demand.company}".encode())
    digest.update("\n".join(history.skus).encode())
    for array in (history.category_of, history.product, history.day, history.quantity):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def daily_paths(level: TrainedLevel) -> Floats:
    """Units a day, (series, days): how many by the ensemble, on which day by the shape."""
    path = np.empty_like(level.shape)
    before = np.zeros(len(path))
    totals = level.learned.served[-1]
    for start, end, total in zip((0, *HORIZONS[:-1]), HORIZONS, totals, strict=True):
        part = level.shape[:, start:end]
        path[:, start:end] = part * ((total - before) / np.maximum(part.sum(axis=1), 1e-12))[:, None]
        before = total
    return path


def _parts(trained: Trained, levels: Agreed) -> list[tuple[Level, TrainedLevel, Floats, Floats]]:
    """Level, what was trained for it, its daily paths, and its BRL a unit."""
    history = trained.history
    price = np.nan_to_num(history.price)
    return [
        (Level.COMPANY, trained.company, levels.company, np.array([1.0])),
        (Level.CATEGORY, trained.categories, levels.categories, np.ones(len(history.categories))),
        (Level.PRODUCT, trained.products, levels.products, price),
        (Level.NEW_PRODUCTS, trained.categories, levels.new_products, np.ones(len(history.categories))),
    ]


@dataclass(frozen=True)
class _LevelTables:
    """One level's paths as the published frames."""

    trained: Trained
    level: Level
    source: TrainedLevel
    paths: Floats
    price: Floats

    def forecast(self) -> pl.DataFrame:
        """One row a series and day."""
        days = pl.Series(DATE, self.trained.history.dates_ahead(DAYS_AHEAD))
        ranges = self.source.learned.calibrations[0][0].ranges(self.paths)
        numbers = self._numbers(self.paths, ranges)
        return self._labelled(DAYS_AHEAD, pl.select(days.repeat_by(1).explode()).to_series(), numbers)

    def totals(self) -> pl.DataFrame:
        """One row a series and horizon."""
        sums = np.stack([self.paths[:, :days].sum(axis=1) for days in HORIZONS], axis=1)
        columns = [_ranges_of(self.source.learned.calibrations[0][i], sums[:, i]) for i in range(len(HORIZONS))]
        numbers = self._numbers(sums, np.stack(columns, axis=-1))
        revenue = pl.Series(REVENUE_MEAN, (sums * self.price[:, None]).ravel())
        return self._labelled(len(HORIZONS), pl.Series(HORIZON_DAYS, HORIZONS, pl.Int32), [*numbers, revenue])

    def series(self) -> pl.DataFrame:
        """One row a series."""
        kinds = self.source.learned.pools[-1]
        gated = self.source.learned.gated[kinds]
        return pl.DataFrame(
            {
                LEVEL: [self.level.value] * len(self.source.ids),
                ID: self.source.ids,
                MODEL: np.where(gated, PLAIN, "ensemble").astype(str),
                "demand_class": np.array(CLASSES)[kinds].astype(str),
            }
        ).with_columns(pl.lit(None, pl.String).alias("grade"), pl.lit(None, pl.String).alias("reason"))

    def _labelled(self, each: int, labels: pl.Series, numbers: list[pl.Series]) -> pl.DataFrame:
        rows = np.repeat(np.arange(len(self.source.ids)), each)
        ids = pl.Series(ID, self.source.ids, pl.String).gather(pl.Series(rows))
        repeated = labels.gather(pl.Series(np.tile(np.arange(each), len(self.source.ids))))
        level = pl.Series(LEVEL, [self.level.value]).new_from_index(0, len(ids))
        return pl.DataFrame([level, ids, repeated, *numbers])

    def _numbers(self, mean: Floats, ranges: Floats) -> list[pl.Series]:
        low, middle, high = (np.ascontiguousarray(part).ravel() for part in ranges)
        flat = np.ascontiguousarray(mean).ravel()
        low, high = np.minimum(low, flat), np.maximum(high, flat)
        return [pl.Series(MEAN, flat), pl.Series(P10, low), pl.Series(P50, middle), pl.Series(P90, high)]


def _ranges_of(calibration: Calibration, totals: Floats) -> Floats:
    return calibration.ranges(totals)
