"""Trees for counts: the formula on paper, the library whose method they follow, and the same bytes again."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from app.ml.trees import Growth, Trees, binned, cuts_of, grown, said

FINE = Growth(trees=80, leaves=12, rows_of_leaf=20, rate=0.1, l2=1.0)


def shop(*, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns, means and counts: a step, a slope, a case that two columns make together, and noise."""
    random = np.random.default_rng(seed)
    table = random.integers(0, 12, (rows, 6)).astype(np.float64)
    means = np.exp(0.8 * (table[:, 0] > 7) - 0.1 * table[:, 1] + 0.9 * ((table[:, 2] > 5) & (table[:, 3] > 5)))
    return table, means, random.poisson(means).astype(np.float64)


def deviance(sold: np.ndarray, mean: np.ndarray) -> float:
    """Mean Poisson deviance."""
    logs = np.where(sold > 0, sold * np.log(np.maximum(sold, 1) / mean), 0.0)
    return float(2 * np.mean(logs - sold + mean))


def trees_of(table: np.ndarray, sold: np.ndarray, growth: Growth = FINE) -> tuple[Trees, np.ndarray]:
    cuts = cuts_of(table)
    return grown(binned(table, cuts), sold, np.ones(len(sold)), growth), cuts


def test_one_split_is_the_one_on_paper() -> None:
    table = np.repeat([[0.0], [1.0]], 50, axis=0)
    sold = np.repeat([2.0, 6.0], 50)
    growth = Growth(trees=1, leaves=2, rows_of_leaf=10, rate=1.0, l2=5.0)
    trees, cuts = trees_of(table, sold, growth)
    step = 50 * 2 / (50 * 4 + 5)  # derivative over curvature and l2 of fifty rows that sold two off a mean of four
    expected = 4 * np.exp(np.repeat([-step, step], 50))
    assert said(binned(table, cuts), trees) == pytest.approx(expected)


def test_a_heavier_row_counts_as_that_many_rows() -> None:
    table, _, sold = shop(rows=2000, seed=1)
    bins = binned(table, cuts_of(table))
    twice = np.concatenate([bins, bins[:500]]), np.concatenate([sold, sold[:500]])
    heavy = np.where(np.arange(2000) < 500, 2.0, 1.0)
    growth = FINE._replace(trees=1, rows_of_leaf=1)
    repeated = said(bins, grown(*twice, np.ones(2500), growth))
    assert said(bins, grown(bins, sold, heavy, growth)) == pytest.approx(repeated, rel=1e-9)


def test_they_say_what_the_library_says_whose_method_they_follow() -> None:
    table, _, sold = shop(rows=20_000, seed=2)
    unseen, means, later = shop(rows=20_000, seed=3)
    library = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=FINE.trees,
        max_leaf_nodes=FINE.leaves,
        min_samples_leaf=FINE.rows_of_leaf,
        learning_rate=FINE.rate,
        l2_regularization=FINE.l2,
        max_bins=63,
        early_stopping=False,
    )
    library.fit(table, sold)
    trees, cuts = trees_of(table, sold)
    ours, theirs = said(binned(unseen, cuts), trees), library.predict(unseen)
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert deviance(later, ours) < 1.02 * deviance(later, means)
    assert deviance(later, ours) < 0.8 * deviance(later, np.full(20_000, sold.mean()))


def test_the_same_rows_give_the_same_trees() -> None:
    table, _, sold = shop(rows=3000, seed=4)
    first, second = trees_of(table, sold)[0], trees_of(table, sold)[0]
    assert np.array_equal(first.column, second.column)
    assert np.array_equal(first.value, second.value)


def test_few_rows_are_not_split() -> None:
    table, _, sold = shop(rows=30, seed=5)
    trees, cuts = trees_of(table, sold)
    assert said(binned(table, cuts), trees) == pytest.approx(sold.mean(), rel=1e-6)


def test_what_was_never_seen_falls_into_the_outermost_bins() -> None:
    table, _, sold = shop(rows=3000, seed=6)
    trees, cuts = trees_of(table, sold)
    beyond = said(binned(np.full((1, 6), 1e12), cuts), trees)
    assert beyond == pytest.approx(said(binned(table.max(axis=0)[None], cuts), trees))


def test_where_nothing_sold_hardly_anything_is_said() -> None:
    table, _, _ = shop(rows=500, seed=7)
    trees, cuts = trees_of(table, np.zeros(500))
    assert (said(binned(table, cuts), trees) < 1e-6).all()
