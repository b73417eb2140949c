"""From a trained forecast to what is published: daily paths, totals and ranges, on levels that agree."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import DATE
from app.domain.forecasts import DAYS_AHEAD, HORIZONS, Level
from app.domain.text import Text
from app.ml.evidence import PROFILE_DAYS
from app.ml.explanations import explained, month_factors
from app.ml.frames import Part, around, forecast_rows, labelled_rows, totals_rows
from app.ml.levels import Agreed, agreed, summed
from app.ml.openings import open_share_behind
from app.ml.paths import daily_paths
from app.ml.ranges import Calibration
from app.ml.seasonal_models import parts_ahead
from app.ml.series_table import series_table, with_held_out
from app.ml.trainer import Trained, TrainedLevel
from app.ml.unsold import ColdStart, cold_start, unsold_rows
from app.ml.whole_units import in_whole_units

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LIBRARIES = ("numpy", "polars", "numba", "holidays")


@dataclass(frozen=True)
class Forecasts:
    """What a run publishes.

    Attributes:
        forecast: level, id, date, mean, p10, p50, p90; expected units on each of the next 90 days, in decimals.
            A product that has not sold and is not expected to has no days (docs/decisions/0015).
        totals: level, id, horizon_days, mean, p10, p50, p90, revenue_mean; units and BRL of the next 30, 60, 90 days,
            in whole units where the product sells in whole units; no row where nothing can be said.
        accuracy: level, horizon_days, model, mape, rmse, wape, rmsse, bias, coverage; of the backtest.
        series: level, id, model, demand_class, grade, reason, explanation, ...; which model serves it and why.
        parts: level, id, date, trend, weekly, yearly, holidays; of company and categories, in units, as Prophet sees
            them: what of a day's sales is the trend's, the weekday's, the season's, a special date's.
        versions: of the libraries that computed it.
        snapshot: SHA-256 of the sales it was computed from.
        held_out: sku, date, quantity; sales too large for the shop, which it was not computed from, the largest first.
    """

    forecast: pl.DataFrame
    totals: pl.DataFrame
    accuracy: pl.DataFrame
    series: pl.DataFrame
    parts: pl.DataFrame
    versions: dict[str, str]
    snapshot: str
    held_out: pl.DataFrame


def predict(trained: Trained) -> Forecasts:
    """The next 90 days at every level; categories sum to the company, products and new products to their category."""
    levels = agreed(
        *(daily_paths(level.learned.served[-1], level.shape) for level in _levels(trained)),
        category_of=trained.history.category_of,
    )
    start = cold_start(trained)
    parts, unsold = _parts(trained, levels, start)
    days = trained.history.dates_ahead(DAYS_AHEAD)
    table = series_table(trained, ranges=_next_month(parts), explained=_explained(trained))
    return Forecasts(
        forecast=pl.concat([forecast_rows(part, days=days) for part in (*parts, *unsold)]),
        totals=pl.concat([totals_rows(part) for part in (*parts, *unsold)]),
        accuracy=trained.accuracy,
        series=with_held_out(pl.concat([table, unsold_rows(start)]), trained.held_out),
        parts=_explained_parts(trained),
        versions={name: version(name) for name in LIBRARIES},
        snapshot=snapshot_of(trained, start),
        held_out=trained.held_out,
    )


def snapshot_of(trained: Trained, start: ColdStart) -> str:
    """SHA-256 of the sales and the unsold products forecast from: the same snapshot gives the same forecast."""
    history = trained.history
    digest = hashlib.sha256(f"{history.first} {history.n_days} {trained.demand.company} {history.state}".encode())
    unsold = start.unsold
    digest.update("\n".join([*history.skus, *history.categories, *unsold.skus]).encode())
    of_history = (history.category_of, history.product, history.day, history.quantity, history.price)
    for array in (*of_history, unsold.category_of, unsold.price):
        digest.update(np.ascontiguousarray(array).tobytes())
    for sale in trained.held_out.iter_rows():
        digest.update("\n".join(map(str, sale)).encode())
    return digest.hexdigest()


def _levels(trained: Trained) -> tuple[TrainedLevel, TrainedLevel, TrainedLevel]:
    return trained.company, trained.categories, trained.products


# --- totals that add up -------------------------------------------------------------------------------------------


def _parts(trained: Trained, levels: Agreed, start: ColdStart) -> tuple[list[Part], list[Part]]:
    """Every level's numbers, and those of products that have not sold, which come out of "new products"."""
    history, groups = trained.history, len(trained.history.categories)
    products, new = _whole(trained, _sums(levels.products), _sums(levels.new_products))
    categories = summed(products, by=history.category_of, groups=groups) + new
    company = categories.sum(axis=0, keepdims=True)
    # The days follow their whole totals, and are summed again: a day of a category is that day of its products.
    product_paths, new_paths = daily_paths(products.T, levels.products), daily_paths(new.T, levels.new_products)
    category_paths = summed(product_paths, by=history.category_of, groups=groups) + new_paths
    company_path = category_paths.sum(axis=0, keepdims=True)
    earned = products * history.price[:, None]
    prices = _mean_prices(products, earned, trained=trained)
    each = start.handed(new)
    of_unsold = start.revenue(each, prices=prices)
    handed = each * start.members[:, None]
    rest = new - handed
    of_rest = rest * prices[:, None]
    of_category = (
        summed(earned, by=history.category_of, groups=groups)
        + summed(of_unsold, by=start.category_of, groups=groups)
        + of_rest
    )
    whole = whole_products(trained)
    whole_categories = _all_of_group(whole, trained=trained)
    each_path, rest_paths = daily_paths(each.T, levels.new_products), daily_paths(rest.T, levels.new_products)
    return [
        _part(trained.company, company_path, company, of_category.sum(axis=0, keepdims=True), np.array([whole.all()])),
        _part(trained.categories, category_paths, categories, of_category, whole_categories),
        _part(trained.products, product_paths, products, earned, whole),
        _new_part(trained, rest_paths, totals=rest, handed=handed, revenue=of_rest, whole=whole_categories),
    ], list(_unsold_parts(trained, start, totals=each[start.category_of], paths=each_path, revenue=of_unsold))


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


def _part(level: TrainedLevel, paths: Floats, totals: Floats, revenue: Floats, whole: Flags) -> Part:
    pools = level.learned.pools[-1]
    ranges = np.zeros((3, *totals.shape))
    for pool, calibrations in enumerate(level.learned.calibrations):
        of_pool = pools == pool
        ranges[:, of_pool] = _ranges(calibrations, totals[of_pool])
    return Part(level.level, level.ids, paths, totals, around(totals, ranges, whole), revenue, level.day_ranges)


def _new_part(
    trained: Trained, paths: Floats, *, totals: Floats, handed: Floats, revenue: Floats, whole: Flags
) -> Part:
    """What stays with new products; how far to trust it was learned on all of them, before any were handed out."""
    ranges = np.maximum(_ranges(trained.new_ranges, totals + handed) - handed, 0)
    ids, days = trained.history.categories, trained.categories.day_ranges
    return Part(Level.NEW_PRODUCTS, ids, paths, totals, around(totals, ranges, whole), revenue, days)


def _unsold_parts(
    trained: Trained, start: ColdStart, *, totals: Floats, paths: Floats, revenue: Floats
) -> Iterator[Part]:
    """Unsold products that are given units, with the days of one of their category's; and the others, without days."""
    ranges = around(totals, start.ranges, np.ones(len(totals), dtype=bool))
    named = start.skus
    for given in (True, False):
        some = np.flatnonzero((totals[:, -1] > 0) == given)
        days = paths[start.category_of[some]] if given else None
        skus = [named[place] for place in some]
        yield Part(
            *(Level.PRODUCT, skus, days, totals[some], ranges[:, some], revenue[some]), trained.products.day_ranges
        )


def _ranges(calibrations: tuple[Calibration, ...], totals: Floats) -> Floats:
    """(quantiles, series, horizons)."""
    return np.stack([one.ranges(totals[:, column]) for column, one in enumerate(calibrations)], axis=-1)


# --- what is told beside the numbers -------------------------------------------------------------------------------


def _next_month(parts: list[Part]) -> dict[Level, Floats]:
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
            labelled_rows(level.level, level.ids, days, {name: part[series] for name, part in every.items()})
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
    opened = open_share_behind(history, origin=history.n_days, days=PROFILE_DAYS)
    levels = zip(_levels(trained), months, strict=True)
    return {level.level: explained(level, months=one, opened=opened) for level, one in levels}
