"""Trees grown one on the other's errors, for counts: gradient boosting on histograms, in machine code.

The method of LightGBM (Ke et al., NeurIPS 2017) and of scikit-learn's HistGradientBoostingRegressor with Poisson loss:
columns are cut into bins once; a tree grows by the leaf whose split gains most; a leaf says -rate G / (H + l2), with G
and H the sums of the loss's first and second derivatives. The larger of two children is its parent less the smaller.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ml.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bins = NDArray[np.uint8]

BINS = 64
TOGETHER = 512  # rows that are told together


class Growth(NamedTuple):
    """How trees grow.

    Attributes:
        trees: how many.
        leaves: most leaves of one.
        rows_of_leaf: fewest rows of a leaf.
        rate: share of each step that is taken.
        l2: pull of a leaf towards zero, in units of weight.
    """

    trees: int = 100
    leaves: int = 15
    rows_of_leaf: int = 100
    rate: float = 0.05
    l2: float = 10.0


class Trees(NamedTuple):
    """Grown trees, T of N places each; the right child stands behind the left one.

    Attributes:
        start: what is said before the first tree, on the scale of the logarithm.
        column: asked at each place, -1 at a leaf, (T, N).
        last: last bin that goes to the left, (T, N).
        left: place of the left child, (T, N).
        value: what a leaf adds, on the scale of the logarithm, (T, N).
    """

    start: float
    column: Ints
    last: Bins
    left: Ints
    value: Floats


def cuts_of(table: Floats) -> Floats:
    """Upper ends of each column's bins, so that each holds about as many rows, (columns, BINS - 1).

    Args:
        table: rows that stand for all, (rows, columns).
    """
    return np.ascontiguousarray(np.quantile(table, np.arange(1, BINS) / BINS, axis=0).T)


@kernel
def binned(table: Floats, cuts: Floats) -> Bins:
    """Index of each entry's bin, (rows, columns): how many cuts lie below it."""
    bins = np.empty(table.shape, np.uint8)
    for row in range(table.shape[0]):
        for column in range(table.shape[1]):
            low, high = 0, BINS - 1
            while low < high:
                middle = (low + high) // 2
                if cuts[column, middle] < table[row, column]:
                    low = middle + 1
                else:
                    high = middle
            bins[row, column] = low
    return bins


def grown(bins: Bins, target: Floats, weight: Floats, growth: Growth) -> Trees:
    """Trees whose sum is the logarithm of the target's mean, by least weighted Poisson deviance.

    Args:
        bins: (rows, columns); at least one row.
        target: not negative, (rows,).
        weight: not negative, (rows,).
        growth: how they grow.
    """
    places = 2 * growth.leaves - 1
    shape = (growth.trees, places)
    start = float(np.log(max(np.average(target, weights=weight), 1e-9)))
    trees = Trees(start, np.full(shape, -1), np.zeros(shape, np.uint8), np.zeros(shape, np.int64), np.zeros(shape))
    _boost(bins, target, weight, growth, trees)
    return trees


@kernel
def said(bins: Bins, trees: Trees) -> Floats:
    """What the trees say of each row, (rows,)."""
    out = np.full(len(bins), trees.start)
    for first in range(0, len(bins), TOGETHER):
        for tree in range(len(trees.column)):  # a tree at a time for some rows, so that both stay in the nearest cache
            for row in range(first, min(first + TOGETHER, len(bins))):
                place = 0
                column = trees.column[tree, 0]
                while column >= 0:
                    place = trees.left[tree, place] + (bins[row, column] > trees.last[tree, place])
                    column = trees.column[tree, place]
                out[row] += trees.value[tree, place]
    for row in range(len(bins)):
        out[row] = math.exp(out[row])
    return out


@kernel
def _boost(bins: Bins, target: Floats, weight: Floats, growth: Growth, trees: Trees) -> None:
    rows, columns = bins.shape
    logs = np.full(rows, trees.start)
    slopes = np.empty((rows, 2))  # first and second derivative of each row's loss
    order, aside = np.arange(rows), np.empty(rows, np.int64)  # rows, leaf by leaf
    sums = np.empty((growth.leaves, columns, BINS, 3))  # derivatives and count of each bin
    begin, end = np.zeros(growth.leaves, np.int64), np.zeros(growth.leaves, np.int64)
    place_of, sums_of = np.zeros(growth.leaves, np.int64), np.zeros(growth.leaves, np.int64)
    gain, column, last = np.zeros(growth.leaves), np.zeros(growth.leaves, np.int64), np.zeros(growth.leaves, np.int64)
    for tree in range(growth.trees):
        for row in range(rows):
            mean = math.exp(logs[row])
            slopes[row, 0] = weight[row] * (mean - target[row])
            slopes[row, 1] = weight[row] * mean
        begin[0], end[0], place_of[0], sums_of[0] = 0, rows, 0, 0
        _sum(bins, order, slopes, sums[0])
        gain[0], column[0], last[0] = _best_split(sums[0], growth)
        leaves = 1
        while leaves < growth.leaves:
            leaf = _first_of_most(gain, leaves)
            if gain[leaf] <= 0:
                break
            middle = begin[leaf] + _part(bins, order[begin[leaf] : end[leaf]], aside, column[leaf], last[leaf])
            place = place_of[leaf]
            trees.column[tree, place], trees.last[tree, place] = column[leaf], last[leaf]
            trees.left[tree, place] = 2 * leaves - 1
            begin[leaves], end[leaves], place_of[leaves] = middle, end[leaf], 2 * leaves
            end[leaf], place_of[leaf] = middle, 2 * leaves - 1
            small, large = (leaf, leaves) if 2 * middle <= begin[leaf] + end[leaves] else (leaves, leaf)
            sums_of[large], sums_of[small] = sums_of[leaf], leaves
            _sum(bins, order[begin[small] : end[small]], slopes, sums[leaves])
            _take_from(sums[sums_of[large]], sums[leaves])
            for child in (leaf, leaves):
                gain[child], column[child], last[child] = _best_split(sums[sums_of[child]], growth)
            leaves += 1
        for leaf in range(leaves):
            first, second, _ = _whole(sums[sums_of[leaf]])
            value = -growth.rate * first / (second + growth.l2)
            trees.value[tree, place_of[leaf]] = value
            for place in range(begin[leaf], end[leaf]):
                logs[order[place]] += value


@kernel
def _first_of_most(gain: Floats, leaves: int) -> int:
    most = 0
    for leaf in range(1, leaves):
        if gain[leaf] > gain[most]:
            most = leaf
    return most


@kernel
def _take_from(whole: Floats, part: Floats) -> None:
    for column in range(whole.shape[0]):
        for place in range(BINS):
            for what in range(3):
                whole[column, place, what] -= part[column, place, what]


@kernel
def _whole(sums: Floats) -> tuple[float, float, float]:
    """Derivatives and count of a leaf: every column has all of its rows."""
    first, second, count = 0.0, 0.0, 0.0
    for place in range(BINS):
        first += sums[0, place, 0]
        second += sums[0, place, 1]
        count += sums[0, place, 2]
    return first, second, count


@kernel
def _sum(bins: Bins, rows: Ints, slopes: Floats, sums: Floats) -> None:
    """Derivatives and count of some rows, by column and bin."""
    for column in range(sums.shape[0]):
        for place in range(BINS):
            for what in range(3):
                sums[column, place, what] = 0.0
    for row in rows:
        first, second = slopes[row, 0], slopes[row, 1]
        for column in range(bins.shape[1]):
            place = bins[row, column]
            sums[column, place, 0] += first
            sums[column, place, 1] += second
            sums[column, place, 2] += 1


@kernel
def _best_split(sums: Floats, growth: Growth) -> tuple[float, int, int]:
    """Gain of the best split, its column, and the last bin that goes to the left; a gain of 0 where there is none."""
    best, best_column, best_last = 0.0, 0, 0
    first, second, count = _whole(sums)
    whole = first * first / (second + growth.l2)
    for column in range(len(sums)):
        first_left, second_left, count_left = 0.0, 0.0, 0.0
        for last in range(BINS - 1):
            first_left += sums[column, last, 0]
            second_left += sums[column, last, 1]
            count_left += sums[column, last, 2]
            if count - count_left < growth.rows_of_leaf:
                break
            if count_left >= growth.rows_of_leaf:
                first_right, second_right = first - first_left, second - second_left
                left = first_left * first_left / (second_left + growth.l2)
                gained = left + first_right * first_right / (second_right + growth.l2) - whole
                if gained > best + 1e-9:
                    best, best_column, best_last = gained, column, last
    return best, best_column, best_last


@kernel
def _part(bins: Bins, rows: Ints, aside: Ints, column: int, last: int) -> int:
    """Put the rows of a leaf that go to the left before those that go to the right; how many go to the left."""
    left, right = 0, 0
    for row in rows:
        if bins[row, column] <= last:
            rows[left] = row
            left += 1
        else:
            aside[right] = row
            right += 1
    for place in range(right):
        rows[left + place] = aside[place]
    return left
