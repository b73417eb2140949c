"""Multiplicative seasonality, y = trend * (1 + effects): linear in the trend given the effects, and the reverse.

Each half is the additive problem with its columns weighted by the other half; the two are solved in turn, which never
worsens the posterior, and Newton's method finishes. The posterior is not concave: what is found is a local maximum,
the one reached from a trend without effects.
"""

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.newton import OneSeries, Point, point_at, polish
from app.ml.prophet_model.problem import SharedDesign

Floats = NDArray[np.float64]

ROUNDS = 40
TURNS = 4
CONVERGED = 1e-8


def fit_multiplicative(series: OneSeries) -> Point:
    """Alternate the two halves and polish, until no condition is violated by more than CONVERGED."""
    n_trend = len(series.trend)
    here = _alternate(series, np.zeros(len(series.features)))
    for _ in range(ROUNDS):
        here = polish(series, here)
        if here.violation < CONVERGED:
            break
        here = _alternate(series, here.coefficients[n_trend:])
    return here


def _alternate(series: OneSeries, effects: Floats) -> Point:
    for _ in range(TURNS):
        line, deltas = _fit_trend(series, effects)
        effects = _fit_effects(series, line, deltas)
    return point_at(series, np.concatenate([line, effects]), deltas)


def _fit_trend(series: OneSeries, effects: Floats) -> tuple[Floats, Floats]:
    factor = 1.0 + effects @ series.features
    return _fit_half(series.y, series.trend * factor, series.hinges * factor, tau=series.tau)


def _fit_effects(series: OneSeries, line: Floats, deltas: Floats) -> Floats:
    trend = line @ series.trend + deltas @ series.hinges
    effects, _ = _fit_half(series.y - trend, series.features * trend, series.hinges[:0], tau=series.tau)
    return effects


def _fit_half(target: Floats, ridge: Floats, hinges: Floats, *, tau: float) -> tuple[Floats, Floats]:
    from app.ml.prophet_model.solver import fit_block  # noqa: PLC0415 - numba takes a second that only a fit pays

    eigenvalues, basis = np.linalg.eigh(ridge @ ridge.T)
    shared = SharedDesign(
        eigenvalues=np.maximum(eigenvalues, 0.0),
        mixed=hinges @ ridge.T @ basis,
        hinges=hinges @ hinges.T,
        n_days=len(target),
        tau=tau,
    )
    turned = np.empty((1, len(ridge)))
    deltas = np.zeros((1, len(hinges)))
    sums = (ridge @ target @ basis)[None], (hinges @ target)[None], np.array([target @ target])
    fit_block(shared, *sums, turned, deltas)
    return basis @ turned[0], deltas[0]
