"""Whole units where a product sells in whole units, and totals that still add up.

Rounding each product to its nearest unit would lose the slow ones: a hundred products of 0.3 units are thirty units,
not none. So a category is rounded as a whole and its units are handed to the largest remainders (Hamilton's method);
what a product was denied in the first 30 days it carries into the next.

        product   0.4 0.8 1.2         0 1 1      each column adds up to its rounded total,
        product   0.3 0.6 0.9   ->    1 1 1      each row never falls
        together  0.7 1.4 2.1         1 2 2
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def in_whole_units(totals: Floats, *, group: Ints, whole: Flags) -> Floats:
    """Cumulative totals (series, horizons) in whole units; series that are not whole stay as they are.

    Args:
        totals: ascending along the horizons.
        group: index of the group in which units are handed out, one a series.
        whole: series that sell in whole units.
    """
    rounded = totals.copy()
    before = np.zeros(int(whole.sum()))
    for column in range(totals.shape[1]):
        wanted, of_group = totals[whole, column], group[whole]
        goal = np.rint(np.bincount(of_group, wanted)).astype(np.float64) - np.bincount(of_group, before)
        before = before + handed_out(np.maximum(wanted - before, 0), group=of_group, goal=goal)
        rounded[whole, column] = before
    return rounded


def handed_out(wanted: Floats, *, group: Ints, goal: Floats) -> Floats:
    """Whole numbers near `wanted` that sum to `goal` in each group, the largest remainders rounded up first."""
    given = np.floor(wanted + 1e-9)
    missing = goal - np.bincount(group, given, minlength=len(goal))
    given += _first_of_group(-(wanted - given), group=group, most=np.maximum(missing, 0))
    taken = np.where(given > 0, wanted - given, np.inf)
    return given - _first_of_group(taken, group=group, most=np.maximum(-missing, 0)) * (given > 0)


def _first_of_group(key: Floats, *, group: Ints, most: Floats) -> Floats:
    """1 for the `most` smallest keys of each group, 0 for the others; ties by position."""
    order = np.lexsort((np.arange(len(key)), key, group))
    starts = np.searchsorted(group[order], np.arange(len(most)))
    rank = np.arange(len(key)) - starts[group[order]]
    chosen = np.zeros(len(key))
    chosen[order] = rank < most[group[order]]
    return chosen
