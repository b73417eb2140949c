"""What the solver is handed, and the one closed form that it shares with the rest; numba is not needed for these."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

VARIANCE_FLOOR = 1e-7
"""Where the posterior grows without end as noise vanishes, sigma stays at 0.03 % of the series' largest value."""


class SharedDesign(NamedTuple):
    """What all series of a group have in common: R ridge columns in their eigenbasis, S hinges.

    Attributes:
        eigenvalues: of the ridge columns' Gram matrix, shape (R,).
        mixed: hinges times ridge columns, shape (S, R).
        hinges: the hinges' Gram matrix, shape (S, S).
        n_days: observations.
        tau: scale of the Laplace prior on each hinge.
    """

    eigenvalues: Floats
    mixed: Floats
    hinges: Floats
    n_days: int
    tau: float


class StackedDesigns(NamedTuple):
    """As many designs as series, one behind the other: the fields of `SharedDesign` with a leading axis, (B, ...)."""

    eigenvalues: Floats
    mixed: Floats
    hinges: Floats
    n_days: NDArray[np.int64]
    tau: float


class Sums(NamedTuple):
    """What a fit needs to know of one series: X'y in the eigenbasis (R,), H'y (S,) and y'y."""

    ridge: Floats
    hinges: Floats
    energy: float


def variance_given(ssr: float, n_days: int) -> float:
    """The v at which the posterior is largest for a given sum of squared residuals: 4 v^2 + n v = SSR, v > 0.

    Half-normal(0.5) prior on sigma: d/dsigma (-n log sigma - SSR / (2 sigma^2) - 2 sigma^2) = 0.
    """
    return 2.0 * ssr / (n_days + math.sqrt(n_days * n_days + 16.0 * ssr))


def times(vectors: Floats, matrices: Floats) -> Floats:
    """Vectors (B, a) by one matrix (a, b) for all, or each by its own (B, a, b): shape (B, b)."""
    if matrices.ndim == 2:  # noqa: PLR2004 - one matrix
        return vectors @ matrices
    products: Floats = np.matmul(vectors[:, None, :], matrices)
    return products[:, 0]


def transposed(matrices: Floats) -> Floats:
    """A matrix or each of a stack, transposed."""
    return np.swapaxes(matrices, -1, -2)
