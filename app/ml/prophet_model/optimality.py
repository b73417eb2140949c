"""How good a fit is, computed from the observations themselves rather than from the solver's own sums."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.solver import VARIANCE_FLOOR

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """Scaled parameters of B series: ridge coefficients over their prior scales (B, R), deltas (B, S), v (B,)."""

    coefficients: Floats
    deltas: Floats
    variances: Floats


def log_posterior(estimate: Estimate, ssr: Floats, *, n_days: int, tau: float) -> Floats:
    """Stan's `lp__` of Prophet's model, its constants dropped as Stan drops them, shape (B,)."""
    variances = estimate.variances
    priors = 0.5 * (estimate.coefficients**2).sum(axis=1) + np.abs(estimate.deltas).sum(axis=1) / tau + 2.0 * variances
    return -0.5 * n_days * np.log(variances) - ssr / (2.0 * variances) - priors


def kkt_residual(estimate: Estimate, residuals: Floats, *, ridge: Floats, hinges: Floats, tau: float) -> Floats:
    """The largest violation of a first-order condition of the log posterior, by any one parameter, shape (B,).

    Ridge coefficients and sigma: the gradient itself. A delta in use: the gradient with its Laplace prior; a delta at
    zero: by how much the likelihood's pull exceeds 1 / tau. Sigma at its floor may wish to be smaller.
    """
    variances = estimate.variances[:, None]
    smooth = np.abs(residuals @ ridge / variances - estimate.coefficients)
    pull = residuals @ hinges / variances
    in_use = np.abs(pull - np.sign(estimate.deltas) / tau)
    idle = np.maximum(np.abs(pull) - 1.0 / tau, 0.0)
    bends = np.where(estimate.deltas != 0.0, in_use, idle)
    return np.concatenate([smooth, bends, _sigma_gradient(estimate.variances, residuals)[:, None]], axis=1).max(axis=1)


def _sigma_gradient(variances: Floats, residuals: Floats) -> Floats:
    sigma = np.sqrt(variances)
    ssr = np.einsum("bn,bn->b", residuals, residuals)
    gradient = (ssr / variances - residuals.shape[1]) / sigma - 4.0 * sigma
    return np.where(variances <= VARIANCE_FLOOR, np.maximum(gradient, 0.0), np.abs(gradient))
