"""Least squares with weights that may not be negative; all that SciPy would be asked for, and it weighs 110 MB."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Chosen = NDArray[np.bool_]

SLACK = 1e-12
"""Share of the largest target by which a weight at zero may be pulled upwards and stay."""
ROUNDS = 3
"""Times that each weight may enter; once is usual."""


def nonnegative_weights(gram: Floats, target: Floats) -> Floats:
    """The weights w >= 0 with the least w'Gw/2 - w't, the normal equations of |Aw - b|², G = A'A and t = A'b.

    Lawson & Hanson, Solving Least Squares Problems, 1974, chapter 23: weights enter one at a time where the pull is
    strongest, and leave where the solution of those that are in would be negative.

    Args:
        gram: (models, models), positive definite.
        target: (models,).
    """
    weights, inside = np.zeros(len(target)), np.zeros(len(target), np.bool_)
    enough = SLACK * np.abs(target).max()
    for _ in range(ROUNDS * len(target)):
        pull = np.where(inside, -np.inf, target - gram @ weights)
        if pull.max() <= enough:
            break
        inside[pull.argmax()] = True
        weights, inside = _settled(gram, target, weights, inside)
    return weights


def _settled(gram: Floats, target: Floats, weights: Floats, inside: Chosen) -> tuple[Floats, Chosen]:
    """Go to the solution of those inside, leaving at zero whoever gets there on the way."""
    while True:
        goal = np.zeros(len(target))
        goal[inside] = np.linalg.solve(gram[np.ix_(inside, inside)], target[inside])
        leaving = inside & (goal <= 0)
        if not leaving.any():
            return goal, inside
        share = (weights[leaving] / (weights[leaving] - goal[leaving])).min()
        weights = weights + share * (goal - weights)
        inside = inside & (weights > SLACK * np.abs(weights).max())
