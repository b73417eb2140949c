"""What a product that has hardly sold will sell, told from products that were once like it.

A product with three sales has no statistics of its own. But thousands of products were once at the same point: so many
sales so far, the last so long ago. What those sold next, in sales a day, is the forecast, times the product's own size
of a sale and how its category fares against the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import HORIZONS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SALES_SO_FAR = (1, 2, 3)  # lower ends of the bins
DAYS_SINCE = (0, 7, 14, 28, 56, 112, 224)
DAYS_OLD = (0, 14, 28, 56, 112, 224)
CELLS = len(SALES_SO_FAR) * len(DAYS_SINCE) * len(DAYS_OLD)
OWN_SALES = 2.0  # sales of the category that a product's own mean size is mixed with
CELL_PRIOR = 5.0  # units at the overall pace that a cell is mixed with
CATEGORY_PRIOR = 20.0  # units at the common pace that a category is mixed with


@dataclass(frozen=True)
class Pace:
    """Sales a day, by cell and horizon, and each category's against all; both from folds that are over."""

    cells: Floats  # (CELLS, horizons)
    categories: Floats  # (categories,)


def cell_of(facts: Mapping[str, Floats]) -> Ints:
    """Index of each series' cell, of the facts' shape; -1 before the first sale."""
    sales = np.digitize(facts["sales"], SALES_SO_FAR) - 1
    since = np.digitize(facts["since"], DAYS_SINCE) - 1
    old = np.digitize(facts["age"], DAYS_OLD) - 1
    return np.where(sales < 0, -1, (sales * len(DAYS_SINCE) + since) * len(DAYS_OLD) + old)


def sale_sizes(facts: Mapping[str, Floats], *, category_of: Ints) -> Floats:
    """Units of one sale, (origins, series): the product's own mean, mixed with its category's."""
    sizes = np.empty_like(facts["units"])
    for row, (units, sales) in enumerate(zip(facts["units"], facts["sales"], strict=True)):
        of_category = _sum(units, category_of) / np.maximum(_sum(sales, category_of), 1)
        sizes[row] = (units + OWN_SALES * of_category[category_of]) / (sales + OWN_SALES)
    return sizes


def _sum(entries: Floats, category_of: Ints) -> Floats:
    return np.bincount(category_of, weights=entries).astype(np.float64)


def paces(cells: Ints, sizes: Floats, sold: Floats, *, category_of: Ints) -> list[tuple[Floats, Floats]]:
    """Per fold, units that followed, and days watched times the size of a sale; (categories, CELLS, horizons) each."""
    shape = (int(category_of.max()) + 1, CELLS, len(HORIZONS))
    folds = []
    for cell, size, actual in zip(cells, sizes, sold, strict=True):
        followed, watched = np.zeros(shape), np.zeros(shape)
        known = cell >= 0
        place = category_of[known] * CELLS + cell[known]
        for column, days in enumerate(HORIZONS):
            if np.isfinite(actual[column, 0]):
                followed[..., column] = _by_place(place, actual[column, known], shape=shape)
                watched[..., column] = _by_place(place, size[known] * days, shape=shape)
        folds.append((followed, watched))
    return folds


def _by_place(place: Ints, entries: Floats, *, shape: tuple[int, int, int]) -> Floats:
    sums = np.bincount(place, entries, minlength=shape[0] * shape[1])
    return sums.astype(np.float64).reshape(shape[:2])


def pace_of(folds: list[tuple[Floats, Floats]]) -> Pace:
    """Pool the folds. A horizon that no fold has lived through yet goes on at the pace of the one before it."""
    followed, watched = (np.sum([fold[part] for fold in folds], axis=0) for part in (0, 1))
    for column in range(1, watched.shape[-1]):
        if not watched[..., column].any():
            followed[..., column], watched[..., column] = followed[..., column - 1], watched[..., column - 1]
    overall = followed.sum(axis=(0, 1)) / np.maximum(watched.sum(axis=(0, 1)), 1)
    cells = (followed.sum(axis=0) + CELL_PRIOR) / (watched.sum(axis=0) + CELL_PRIOR / np.maximum(overall, 1e-12))
    expected = (watched * cells).sum(axis=(1, 2))
    categories = (followed.sum(axis=(1, 2)) + CATEGORY_PRIOR) / (expected + CATEGORY_PRIOR)
    return Pace(cells, categories)


def alike_totals(pace: Pace, *, cell: Ints, size: Floats, category_of: Ints) -> Floats:
    """Units in the next 30, 60, 90 days of each series at one origin, (horizons, series)."""
    daily = np.where(cell[:, None] >= 0, pace.cells[cell], 0.0) * (size * pace.categories[category_of])[:, None]
    return np.asarray((daily * np.array(HORIZONS)).T)
