"""How good a fit is: the log posterior, and how far from its first-order conditions."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.design import GroupDesign, Moments
from app.ml.prophet_model.own_days import OwnDesigns
from app.ml.prophet_model.problem import VARIANCE_FLOOR, times, transposed

Floats = NDArray[np.float64]
Counts = int | NDArray[np.int64]


class Estimate(NamedTuple):
    """Scaled parameters of B series: ridge coefficients over their prior scales (B, R), deltas (B, S), v, SSR (B,)."""

    coefficients: Floats
    deltas: Floats
    variances: Floats
    ssr: Floats


def log_posterior(estimate: Estimate, *, n_days: Counts, tau: float) -> Floats:
    """Stan's `lp__` of Prophet's model, its constants dropped as Stan drops them, shape (B,)."""
    variances = estimate.variances
    priors = 0.5 * (estimate.coefficients**2).sum(axis=1) + np.abs(estimate.deltas).sum(axis=1) / tau + 2.0 * variances
    result: Floats = -0.5 * n_days * np.log(variances) - estimate.ssr / (2.0 * variances) - priors
    return result


def kkt_residual(estimate: Estimate, *, design: GroupDesign | OwnDesigns, moments: Moments) -> Floats:
    """The largest violation of a first-order condition of the log posterior, by any one parameter, shape (B,).

    Ridge coefficients (of unit prior) and sigma: the gradient itself. A delta in use: the gradient with its Laplace
    prior; a delta at zero: by how much the likelihood's pull exceeds 1 / tau. Sigma at its floor may wish to be less.
    """
    shared, variances = design.shared, estimate.variances[:, None]
    turned = times(estimate.coefficients, design.basis)
    left = moments.turned - turned * shared.eigenvalues - times(estimate.deltas, shared.mixed)
    smooth = np.abs(times(left / variances - turned, transposed(design.basis)))
    fitted = times(turned, transposed(shared.mixed)) + times(estimate.deltas, shared.hinges)
    pull = (moments.hinges - fitted) / variances
    in_use = np.abs(pull - np.sign(estimate.deltas) / shared.tau)
    idle = np.maximum(np.abs(pull) - 1.0 / shared.tau, 0.0)
    bends = np.where(estimate.deltas != 0.0, in_use, idle)
    noise = _sigma_violation(estimate.variances, estimate.ssr, n_days=shared.n_days)
    worst: Floats = np.maximum(np.maximum(smooth.max(axis=1), bends.max(axis=1, initial=0.0)), noise)
    return worst


def _sigma_violation(variances: Floats, ssr: Floats, *, n_days: Counts) -> Floats:
    sigma = np.sqrt(variances)
    gradient = (ssr / variances - n_days) / sigma - 4.0 * sigma
    return np.where(variances <= VARIANCE_FLOOR, np.maximum(gradient, 0.0), np.abs(gradient))
