"""Long empty runs of a product that otherwise sells almost daily: more likely no stock than no demand."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FAST = 0.6  # chance of a sale on an open day from which a product counts as fast
SURPRISING = 1e-6  # a run less likely than this, did the product still sell as before, is suspected
MEMORY = 0.03  # weight of the newest day in the chance of a sale
LONGEST = 28  # days; after that a product is taken for stopped rather than missing


class Stockouts(NamedTuple):
    """Suspected days without stock.

    Attributes:
        resumed: days of runs after which the product sold again, (days, series): demand on them is unknown, not zero.
        pending: open days of a run that still lasts at the end, (series,): no stock, or no longer sold; nobody knows.
    """

    resumed: Flags
    pending: Ints


def suspected_stockouts(units: Floats, *, open_days: Flags) -> Stockouts:
    """Runs of at most LONGEST open days without a sale, too unlikely at the chance of a sale from before them.

    Only resumed runs are for leaving out. A run that still lasts is more often the end of a product than an empty
    shelf: leaving those out too made backtests of grocers worse.

    Args:
        units: (days, series).
        open_days: one flag a day.
    """
    series = units.shape[1]
    chance, usual, seen = np.zeros(series), np.zeros(series), np.zeros(series)
    length, resumed = np.zeros(series, np.int64), np.zeros(units.shape, dtype=bool)
    suspected = np.zeros(series, dtype=bool)
    opened = np.flatnonzero(open_days)
    for position, day in enumerate(opened):
        sale = units[day] > 0
        for product in np.flatnonzero(sale & suspected):
            resumed[opened[position - length[product] : position], product] = True
        usual = np.where(sale, chance * (seen >= LONGEST), usual)
        length = np.where(sale, 0, length + 1)
        surprising = -length * np.log1p(-np.minimum(usual, 0.95)) > -np.log(SURPRISING)
        suspected = surprising & (usual >= FAST) & (length <= LONGEST)
        seen += (seen > 0) | sale
        chance += ~suspected * np.maximum(MEMORY, 1 / np.maximum(seen, 1)) * (sale - chance) * (seen > 0)
    return Stockouts(resumed, np.where(suspected, length, 0))
