"""The result under way: a table of fitted Prophets to which each block of series writes its own rows."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.block import Optimum
from app.ml.prophet_model.design import GroupDesign
from app.ml.prophet_model.fitted import FittedProphets, Frame, Parameters
from app.ml.prophet_model.optimality import Estimate, log_posterior
from app.ml.prophet_model.own_days import OwnDesigns
from app.ml.prophet_model.problem import VARIANCE_FLOOR
from app.ml.prophet_model.spec import Outcome, ProphetSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONSTANT_SIGMA = 1e-9
"""What Prophet itself reports as noise of a constant series."""


def blank(history: Floats, *, start: date, spec: ProphetSpec, n_features: int) -> FittedProphets:
    """Room for every series of the history; what is never filled is too short to be fitted."""
    n, bends = len(history), spec.n_changepoints
    return FittedProphets(
        spec=spec,
        start=start,
        history=history,
        params=Parameters(
            k=np.zeros(n),
            m=np.zeros(n),
            delta=np.zeros((n, bends)),
            beta=np.zeros((n, n_features)),
            sigma_obs=np.full(n, CONSTANT_SIGMA),
        ),
        frame=Frame(np.zeros(n, np.int64), np.ones(n, np.int64), np.ones(n), np.zeros((n, bends))),
        outcomes=np.full(n, Outcome.TOO_SHORT, np.int8),
        objective=np.full(n, np.inf),
        kkt_residual=np.zeros(n),
    )


def keep_level(fitted: FittedProphets, *, series: Integers, rows: Integers) -> None:
    """Too short for Prophet: the only observed value, or zero, goes on."""
    level = fitted.history[series][:, rows].sum(axis=1)
    fitted.params.m[series] = np.sign(level)
    fitted.frame.scale[series] = np.where(level == 0.0, 1.0, np.abs(level))


def settle_levels(fitted: FittedProphets, observed: Floats, *, series: Integers) -> tuple[Floats, Integers]:
    """Write scales, and levels as if constant; return the scales (B,) and the places of those that are not."""
    lowest, highest = np.fmin.reduce(observed, axis=1), np.fmax.reduce(observed, axis=1)
    scale = np.maximum(np.abs(lowest), np.abs(highest))
    if not np.isfinite(scale).all():
        raise ValueError("history holds an infinite value")
    scale[scale == 0.0] = 1.0
    fitted.frame.scale[series] = scale
    fitted.params.m[series] = lowest / scale
    fitted.outcomes[series] = Outcome.CONSTANT
    return scale, np.flatnonzero(lowest < highest)


def write_optimum(
    fitted: FittedProphets, design: GroupDesign | OwnDesigns, *, series: Integers, optimum: Optimum
) -> None:
    """Write what was found for these series, on Prophet's own scales."""
    estimate, frame = optimum.estimate, fitted.frame
    frame.first[series] = design.first
    frame.span[series] = design.span
    frame.changepoints[series, : design.changepoints.shape[-1]] = design.changepoints
    fitted.objective[series] = log_posterior(estimate, n_days=design.shared.n_days, tau=design.shared.tau)
    fitted.kkt_residual[series] = optimum.kkt_residual
    fitted.outcomes[series] = np.where(estimate.variances <= VARIANCE_FLOOR, Outcome.NOISELESS, Outcome.FITTED)
    _write_params(fitted.params, design, series=series, estimate=estimate)


def _write_params(
    params: Parameters, design: GroupDesign | OwnDesigns, *, series: Integers, estimate: Estimate
) -> None:
    """Back from unit priors to Prophet's own parameters."""
    coefficients = estimate.coefficients * design.scales
    params.m[series] = coefficients[:, 0]
    if design.n_trend > 1:
        params.k[series] = coefficients[:, 1]
    params.delta[series, : estimate.deltas.shape[1]] = estimate.deltas
    params.beta[np.ix_(series, design.columns)] = coefficients[:, design.n_trend :]
    params.sigma_obs[series] = np.sqrt(estimate.variances)
