"""Weights that may not be negative are SciPy's, on problems of every kind that the ensemble meets."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import nnls

from app.ml.nonnegative import nonnegative_weights

Floats = NDArray[np.float64]


def opinions(seed: int, *, models: int, alike: float) -> tuple[Floats, Floats]:
    """What models said and what came of it; the nearer `alike` is to one, the more they say the same."""
    random = np.random.default_rng(seed)
    said = alike * random.gamma(2, 20, (300, 1)) + (1 - alike) * random.gamma(2, 20, (300, models))
    return said, said[:, 0] - 0.3 * said[:, -1] + random.normal(0, 5, 300)


@pytest.mark.parametrize("models", [1, 2, 5, 14])
@pytest.mark.parametrize("alike", [0.0, 0.9, 0.999])
def test_they_are_scipys(models: int, alike: float) -> None:
    for seed in range(30):
        said, sold = opinions(seed, models=models, alike=alike)
        ours = nonnegative_weights(said.T @ said, said.T @ sold)
        theirs, residual = nnls(said, sold)
        assert (ours >= 0).all()
        assert np.linalg.norm(said @ ours - sold) == pytest.approx(residual, rel=1e-9)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_whoever_only_harms_weighs_nothing() -> None:
    assert nonnegative_weights(np.eye(3), np.array([2.0, -1.0, 0.0])).tolist() == [2.0, 0.0, 0.0]


def test_one_that_came_in_leaves_for_a_better_one() -> None:
    gram = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, 0.65], [0.9, 0.65, 1.0]])
    target = np.array([1.0, 0.99, 0.99])
    weights = nonnegative_weights(gram, target)
    assert weights[0] == 0.0
    np.testing.assert_allclose(gram[1:, 1:] @ weights[1:], target[1:], rtol=1e-12)


def test_nothing_asked_is_nothing_given() -> None:
    assert nonnegative_weights(np.eye(2), np.zeros(2)).tolist() == [0.0, 0.0]
