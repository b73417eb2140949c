"""Fit Prophet's model to every series of a table at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.design import GroupDesign, Timeline, design_group, group_by_observed_days
from app.ml.prophet_model.fitted import FittedProphets, Frame, Parameters
from app.ml.prophet_model.optimality import Estimate, kkt_residual, log_posterior
from app.ml.prophet_model.solver import VARIANCE_FLOOR, fit_block
from app.ml.prophet_model.spec import Outcome, ProphetSpec
from app.ml.prophet_model.stock import Features, stock_features

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK = 1024
"""Series fitted together: bounds the memory that a fit needs beside the history and the parameters."""
CONSTANT_SIGMA = 1e-9
"""What Prophet itself reports as noise of a constant series."""


def fit(history: Floats, *, start: date, spec: ProphetSpec | None = None, threads: int | None = None) -> FittedProphets:
    """Fit one Prophet per row: the exact maximum of the posterior that the stock library seeks.

    Args:
        history: shape (n_series, n_days), consecutive days; NaN is a missing day, not a zero. As in Prophet a series
            begins at its first observed day, which sets its scales and changepoints.
        start: the first column's day.
        spec: the settings, by default those of `prophet.Prophet()`.
        threads: by default one per core that this process may use. The result does not depend on it.

    Raises:
        ValueError: a value is infinite, or `history` is not a table.
    """
    spec = spec or ProphetSpec()
    history = np.ascontiguousarray(history, dtype=np.float64)
    if history.ndim != 2:  # noqa: PLR2004 - a table has two dimensions
        raise ValueError(f"history must be (n_series, n_days), not {history.shape}")
    days = np.datetime64(start, "D") + np.arange(history.shape[1])
    features = stock_features(spec, days)
    ledger = _Ledger.of(history, spec=spec, n_features=len(features.components))
    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        groups = group_by_observed_days(history)
        for _ in pool.map(lambda group: _fit_group(ledger, features, series=group[0], rows=group[1]), groups):
            pass
    return ledger.as_fitted(start)


@dataclass(frozen=True)
class _Ledger:
    """The result under way: each block of series writes its own rows."""

    spec: ProphetSpec
    history: Floats
    params: Parameters
    frame: Frame
    outcomes: NDArray[np.int8]
    objective: Floats
    kkt_residual: Floats

    @classmethod
    def of(cls, history: Floats, *, spec: ProphetSpec, n_features: int) -> "_Ledger":
        n, bends = len(history), spec.n_changepoints
        params = Parameters(
            k=np.zeros(n),
            m=np.zeros(n),
            delta=np.zeros((n, bends)),
            beta=np.zeros((n, n_features)),
            sigma_obs=np.full(n, CONSTANT_SIGMA),
        )
        frame = Frame(np.zeros(n, np.int64), np.ones(n, np.int64), np.ones(n), np.zeros((n, bends)))
        outcomes = np.full(n, Outcome.CONSTANT, np.int8)
        return cls(spec, history, params, frame, outcomes, np.full(n, np.inf), np.zeros(n))

    def as_fitted(self, start: date) -> FittedProphets:
        return FittedProphets(
            spec=self.spec,
            start=start,
            history=self.history,
            params=self.params,
            frame=self.frame,
            outcomes=self.outcomes,
            objective=self.objective,
            kkt_residual=self.kkt_residual,
        )


def _fit_group(ledger: _Ledger, features: Features, *, series: Integers, rows: Integers) -> None:
    if len(rows) < 2:  # noqa: PLR2004 - Prophet needs two observations
        _keep_level(ledger, series=series, rows=rows)
        return
    design = design_group(Timeline(rows), features, ledger.spec)
    for begin in range(0, len(series), BLOCK):
        _fit_block(ledger, design, series=series[begin : begin + BLOCK])


def _keep_level(ledger: _Ledger, *, series: Integers, rows: Integers) -> None:
    """Too short for Prophet: the only observed value, or zero, goes on."""
    level = ledger.history[series][:, rows].sum(axis=1)
    ledger.params.m[series] = np.sign(level)
    ledger.frame.scale[series] = np.where(level == 0.0, 1.0, np.abs(level))
    ledger.outcomes[series] = Outcome.TOO_SHORT


def _fit_block(ledger: _Ledger, design: GroupDesign, *, series: Integers) -> None:
    observed = ledger.history[np.ix_(series, design.timeline.rows)]
    lowest, highest = observed.min(axis=1), observed.max(axis=1)
    scale = np.maximum(np.abs(lowest), np.abs(highest))
    if not np.isfinite(scale).all():
        raise ValueError("history holds an infinite value")
    scale[scale == 0.0] = 1.0
    _write_frame(ledger.frame, design, series=series, scale=scale)
    ledger.params.m[series] = observed[:, 0] / scale
    varied = lowest < highest
    scaled = observed[varied] / scale[varied, None]
    if len(scaled):
        _estimate(ledger, design, series=series[varied], scaled=scaled)


def _write_frame(frame: Frame, design: GroupDesign, *, series: Integers, scale: Floats) -> None:
    frame.first[series] = design.timeline.first
    frame.span[series] = design.timeline.span
    frame.scale[series] = scale
    frame.changepoints[series, : len(design.changepoints)] = design.changepoints


def _estimate(ledger: _Ledger, design: GroupDesign, *, series: Integers, scaled: Floats) -> None:
    turned = np.zeros((len(series), len(design.scales)))
    deltas = np.zeros((len(series), len(design.changepoints)))
    energy = np.einsum("bn,bn->b", scaled, scaled)
    cross = scaled @ design.ridge @ design.basis
    variances = fit_block(design.shared, cross, scaled @ design.hinges, energy, turned, deltas)
    estimate = Estimate(turned @ design.basis.T, deltas, variances)
    residuals = scaled - estimate.coefficients @ design.ridge.T - deltas @ design.hinges.T
    ssr = np.einsum("bn,bn->b", residuals, residuals)
    tau = ledger.spec.changepoint_prior_scale
    ledger.objective[series] = log_posterior(estimate, ssr, n_days=scaled.shape[1], tau=tau)
    ledger.kkt_residual[series] = kkt_residual(estimate, residuals, ridge=design.ridge, hinges=design.hinges, tau=tau)
    ledger.outcomes[series] = np.where(variances <= VARIANCE_FLOOR, Outcome.NOISELESS, Outcome.FITTED)
    _write_params(ledger.params, design, series=series, estimate=estimate)


def _write_params(params: Parameters, design: GroupDesign, *, series: Integers, estimate: Estimate) -> None:
    """Back from unit priors to Prophet's own parameters."""
    coefficients = estimate.coefficients * design.scales
    params.m[series] = coefficients[:, 0]
    if design.n_trend > 1:
        params.k[series] = coefficients[:, 1]
    params.delta[series, : len(design.changepoints)] = estimate.deltas
    params.beta[np.ix_(series, design.columns)] = coefficients[:, design.n_trend :]
    params.sigma_obs[series] = np.sqrt(estimate.variances)
