"""From a trained forecast to what is published: daily paths, totals and ranges, on levels that agree."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import DATE, HORIZON_DAYS, ID, LEVEL, MEAN, P10, P50, P90, REVENUE_MEAN
from app.domain.forecasts import DAYS_AHEAD, HORIZONS, Level
from app.domain.text import Text
from app.ml.explanations import explained, month_factors
from app.ml.levels import Agreed, agreed, summed
from app.ml.paths import daily_paths
from app.ml.ranges import Calibration
from app.ml.seasonal_models import parts_ahead
from app.ml.series_table import series_table
from app.ml.trainer import Trained, TrainedLevel
from app.ml.whole_units import in_whole_units

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LIBRARIES = ("numpy", "polars", "numba", "holidays")


@dataclass(frozen=True)
class Forecasts:
    """What a run publishes.

    Attributes:
        forecast: level, id, date, mean, p10, p50, p90; expected units on each of the next 90 days, in decimals.
        totals: level, id, horizon_days, mean, p10, p50, p90, revenue_mean; units and BRL of the next 30, 60, 90 days,
            in whole units where the product sells in whole units.
        accuracy: level, horizon_days, model, mape, rmse, wape, rmsse, bias, coverage; of the backtest.
        series: level, id, model, demand_class, grade, reason, explanation, ...; which model serves it and why.
        parts: level, id, date, trend, weekly, yearly, holidays; of company and categories, in units, as Prophet sees
            them: what of a day's sales is the trend's, the weekday's, the season's, a special date's.
        versions: of the libraries that computed it.
        snapshot: SHA-256 of the sales it was computed from.
    """

    forecast: pl.DataFrame
    totals: pl.DataFrame
    accuracy: pl.DataFrame
    series: pl.DataFrame
    parts: pl.DataFrame
    versions: dict[str, str]
    snapshot: str


@dataclass(frozen=True)
class _Part:
    """One level's numbers on their way out.

    Attributes:
        paths: units a day, (series, days).
        totals: units of the next 30, 60, 90 days, (series, horizons).
        ranges: p10, p50, p90 of the totals, (quantiles, series, horizons).
        revenue: BRL, (series, horizons); NaN where no price is known.
    """

    level: Level
    ids: list[str]
    paths: Floats
    totals: Floats
    ranges: Floats
    revenue: Floats
    day_ranges: Calibration


def predict(trained: Trained) -> Forecasts:
    """The next 90 days at every level; categories sum to the company, products and new products to their category."""
    levels = agreed(
        *(daily_paths(level.learned.served[-1], level.shape) for level in _levels(trained)),
        category_of=trained.history.category_of,
    )
    parts = _parts(trained, levels)
    return Forecasts(
        forecast=pl.concat([_forecast(part, trained) for part in parts]),
        totals=pl.concat([_totals(part) for part in parts]),
        accuracy=trained.accuracy,
        series=series_table(trained, ranges=_next_month(parts), explained=_explained(trained)),
        parts=_explained_parts(trained),
        versions={name: version(name) for name in LIBRARIES},
        snapshot=snapshot_of(trained),
    )


def snapshot_of(trained: Trained) -> str:
    """SHA-256 of the sales that were forecast from: the same snapshot gives the same forecast."""
    history = trained.history
    digest = hashlib.sha256(f"{history.first} {history.n_days} {trained.demand.company} {history.state}".encode())
    digest.update("\n".join([*history.skus, *history.categories]).encode())
    for array in (history.category_of, history.product, history.day, history.quantity, history.price):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _levels(trained: Trained) -> tuple[TrainedLevel, TrainedLevel, TrainedLevel]:
    return trained.company, trained.categories, trained.products


# --- totals that add up -------------------------------------------------------------------------------------------


def _parts(trained: Trained, levels: Agreed) -> list[_Part]:
    history, groups = trained.history, len(trained.history.categories)
    products, new = _whole(trained, _sums(levels.products), _sums(levels.new_products))
    categories = summed(products, by=history.category_of, groups=groups) + new
    company = categories.sum(axis=0, keepdims=True)
    # The days follow their whole totals, and are summed again: a day of a category is that day of its products.
    product_paths, new_paths = daily_paths(products.T, levels.products), daily_paths(new.T, levels.new_products)
    category_paths = summed(product_paths, by=history.category_of, groups=groups) + new_paths
    company_path = category_paths.sum(axis=0, keepdims=True)
    earned = products * history.price[:, None]
    new_earned = new * _mean_prices(products, earned, trained=trained)[:, None]
    of_category = summed(earned, by=history.category_of, groups=groups) + new_earned
    whole = whole_products(trained)
    whole_categories = _all_of_group(whole, trained=trained)
    return [
        _part(trained.company, company_path, company, of_category.sum(axis=0, keepdims=True), np.array([whole.all()])),
        _part(trained.categories, category_paths, categories, of_category, whole_categories),
        _part(trained.products, product_paths, products, earned, whole),
        _new_part(trained, new_paths, new, new_earned, whole_categories),
    ]


def _sums(paths: Floats) -> Floats:
    """Totals of daily paths, (series, horizons)."""
    return np.stack([paths[:, :days].sum(axis=1) for days in HORIZONS], axis=1)


def whole_products(trained: Trained) -> Flags:
    """Products that have only ever sold in whole units."""
    history = trained.history
    broken = np.bincount(history.product, weights=history.quantity % 1 != 0, minlength=len(history.skus))
    return np.asarray(broken == 0)


def _all_of_group(whole: Flags, *, trained: Trained) -> Flags:
    """Categories all of whose products sell in whole units."""
    history = trained.history
    broken = np.bincount(history.category_of, weights=~whole, minlength=len(history.categories))
    return np.asarray(broken == 0)


def _whole(trained: Trained, products: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Totals of products, and of new products by category, in whole units where they sell so."""
    whole = whole_products(trained)
    groups = np.concatenate([trained.history.category_of, np.arange(len(new))])
    flags = np.concatenate([whole, _all_of_group(whole, trained=trained)])
    rounded = in_whole_units(np.concatenate([products, new]), group=groups, whole=flags)
    return rounded[: len(products)], rounded[len(products) :]


def _mean_prices(products: Floats, earned: Floats, *, trained: Trained) -> Floats:
    """BRL a unit of each category's own mix over the whole horizon; of its products' plain mean where none sells."""
    history = trained.history
    plain = np.bincount(history.category_of, history.price) / np.bincount(history.category_of)
    units, money = (
        np.bincount(history.category_of, column[:, -1], minlength=len(plain)) for column in (products, earned)
    )
    return np.where(units > 0, money / np.maximum(units, 1e-12), plain)


def _part(level: TrainedLevel, paths: Floats, totals: Floats, revenue: Floats, whole: Flags) -> _Part:
    pools = level.learned.pools[-1]
    ranges = np.zeros((3, *totals.shape))
    for pool, calibrations in enumerate(level.learned.calibrations):
        of_pool = pools == pool
        ranges[:, of_pool] = _ranges(calibrations, totals[of_pool])
    return _Part(level.level, level.ids, paths, totals, _around(totals, ranges, whole), revenue, level.day_ranges)


def _new_part(trained: Trained, paths: Floats, totals: Floats, revenue: Floats, whole: Flags) -> _Part:
    ranges = _around(totals, _ranges(trained.new_ranges, totals), whole)
    ids, days = trained.history.categories, trained.categories.day_ranges
    return _Part(Level.NEW_PRODUCTS, ids, paths, totals, ranges, revenue, days)


def _ranges(calibrations: tuple[Calibration, ...], totals: Floats) -> Floats:
    """(quantiles, series, horizons)."""
    return np.stack([one.ranges(totals[:, column]) for column, one in enumerate(calibrations)], axis=-1)


def _around(totals: Floats, ranges: Floats, whole: Flags) -> Floats:
    """The ranges in whole units where those are sold, around their mean.

    No whole number lies between a bound and its rounding inwards, so rounding changes no promise.
    """
    low, middle, high = ranges
    inwards = np.stack([np.ceil(low - 1e-9), np.rint(middle), np.floor(high + 1e-9)]) + 0.0  # no negative zero
    low, middle, high = np.where(whole[:, None], inwards, ranges)
    low, high = np.minimum(low, totals), np.maximum(high, totals)
    return np.stack([low, np.clip(middle, low, high), high])


# --- frames -------------------------------------------------------------------------------------------------------


def _forecast(part: _Part, trained: Trained) -> pl.DataFrame:
    """One row a series and day."""
    low, middle, high = part.day_ranges.ranges(part.paths)
    low, high = np.minimum(low, part.paths), np.maximum(high, part.paths)
    numbers = {MEAN: part.paths, P10: low, P50: np.clip(middle, low, high), P90: high}
    days = pl.Series(DATE, trained.history.dates_ahead(DAYS_AHEAD), pl.Date)
    return _rows(part.level, part.ids, days, numbers)


def _totals(part: _Part) -> pl.DataFrame:
    """One row a series and horizon."""
    low, middle, high = part.ranges
    numbers = {MEAN: part.totals, P10: low, P50: middle, P90: high, REVENUE_MEAN: part.revenue}
    table = _rows(part.level, part.ids, pl.Series(HORIZON_DAYS, HORIZONS, pl.Int32), numbers)
    return table.with_columns(pl.col(REVENUE_MEAN).fill_nan(None))


def _rows(of: Level, named: list[str], labels: pl.Series, numbers: dict[str, Floats]) -> pl.DataFrame:
    """Every label for every series of a level, with their numbers (series, labels)."""
    series, each = len(named), len(labels)
    ids = pl.Series(ID, named, pl.String).gather(pl.Series(np.repeat(np.arange(series), each)))
    repeated = labels.gather(pl.Series(np.tile(np.arange(each), series)))
    level = pl.Series(LEVEL, [of.value]).new_from_index(0, series * each)
    columns = [pl.Series(name, np.ascontiguousarray(table).ravel()) for name, table in numbers.items()]
    return pl.DataFrame([level, ids, repeated, *columns])


def _next_month(parts: list[_Part]) -> dict[Level, Floats]:
    """Mean, p10, p90 of the next 30 days, (3, series), by level."""
    return {part.level: np.stack([part.totals[:, 0], part.ranges[0, :, 0], part.ranges[2, :, 0]]) for part in parts}


def _explained_parts(trained: Trained) -> pl.DataFrame:
    """The company's and its categories' days ahead, taken apart."""
    history = trained.history
    units = history.by_category()
    every = parts_ahead(np.concatenate([units.sum(axis=1, keepdims=True), units], axis=1), history=history)
    days = pl.Series(DATE, history.dates_ahead(DAYS_AHEAD), pl.Date)
    levels = ((trained.company, slice(0, 1)), (trained.categories, slice(1, None)))
    return pl.concat(
        [
            _rows(level.level, level.ids, days, {name: part[series] for name, part in every.items()})
            for level, series in levels
        ]
    )


def _explained(trained: Trained) -> dict[Level, list[Text]]:
    history = trained.history
    units = history.by_category()
    of_category = month_factors(units, history=history)
    of_company = month_factors(units.sum(axis=1, keepdims=True), history=history)
    of_product = None if of_category is None else of_category[history.category_of]
    months = (of_company, of_category, of_product)
    return {level.level: explained(level, months=one) for level, one in zip(_levels(trained), months, strict=True)}
