"""Weights of the models, pooled over series: weights per product overfit (one history is too little to learn them)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.ml.nonnegative import nonnegative_weights

Floats = NDArray[np.float64]

PRIOR_ROWS = 50  # rows of evidence that the prior counts as much as
PRIOR_FOLDS = 3  # and folds: series of one fold share its luck, so rows alone overstate what is known
LARGE = 0.99  # quantile of size from which a row weighs no more than the largest ordinary one
RIDGE = 3e-4  # of the evidence's own size: models that say nearly the same share their weight
SUM_TO_ONE = 1e3  # how firmly weights sum to one, against one unit of squared error


@dataclass(frozen=True)
class Moments:
    """Weighted second moments of what the models said and what sold: all that least squares needs to know.

    They add up, so evidence can be pooled over folds and a fold can be left out by leaving its moments out.
    """

    said: Floats  # (models, models)
    sold: Floats  # (models,)
    rows: int
    folds: int

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.said + other.said, self.sold + other.sold, self.rows + other.rows, self.folds + other.folds)


def moments(said: Floats, sold: Floats) -> Moments:
    """Moments of rows (a series at an origin and horizon), each weighed by its importance.

    Args:
        said: (rows, models).
        sold: (rows,).
    """
    weighed = said * importance(said.mean(axis=1))[:, None]
    return Moments(said=weighed.T @ said, sold=weighed.T @ sold, rows=len(sold), folds=1 if len(sold) else 0)


def importance(size: Floats) -> Floats:
    """Weight of a row's squared error: one over its size, and over its square beyond the LARGE quantile.

    The variance of a count grows with its mean, so at one over the size each row tells equally much. Among the largest
    even that would let one giant (fuel beside groceries) choose for all the others.
    """
    if len(size) == 0:
        return size
    large = np.quantile(size, LARGE)
    return np.asarray(np.minimum(1, large / np.maximum(size, 1e-12)) / (1 + size))


def pooled_weights(
    evidence: Moments, *, prior: Floats, prior_rows: float = PRIOR_ROWS, prior_folds: float = PRIOR_FOLDS
) -> Floats:
    """Weights >= 0 that sum to one with the least weighted squared error, drawn towards a prior; (models,).

    Where evidence is scarce the prior speaks: the equal average, hard to beat on little evidence (Claeskens, Magnus,
    Vasnev & Wang, International Journal of Forecasting 32, 2016), or the weights of a wider pool.

    Args:
        evidence: what the rows say.
        prior: (models,), sums to one.
        prior_rows: how many rows of evidence the prior counts as much as.
        prior_folds: and how many folds.
    """
    size = np.trace(evidence.said)
    if evidence.rows == 0 or size <= 0:
        return prior
    models = len(prior)
    ridge = RIDGE * np.eye(models)
    gram = evidence.said / size + ridge + SUM_TO_ONE
    target = evidence.sold / size + ridge @ prior + SUM_TO_ONE
    best = nonnegative_weights(gram, target)
    best = best / best.sum() if best.sum() > 0 else prior
    trust = evidence.rows / (evidence.rows + prior_rows) * evidence.folds / (evidence.folds + prior_folds)
    return np.asarray(trust * best + (1 - trust) * prior)


def equal_by_family(families: Sequence[str]) -> Floats:
    """The plain average of the families' plain averages: eight smoothings are one opinion, not eight.

    Args:
        families: of each model.
    """
    sizes = Counter(families)
    return np.array([1 / (len(sizes) * sizes[family]) for family in families])
