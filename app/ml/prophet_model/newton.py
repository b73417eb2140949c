"""The last digits of one series: Newton's method on the parameters in use, from the observations themselves.

The solver works on sums, whose rounding is felt where noise is a thousandth of the signal or history is decades long;
here the residuals are formed, so that a smaller gradient can be told from zero.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.problem import VARIANCE_FLOOR, variance_given

Floats = NDArray[np.float64]

STEPS = 25
GOOD_ENOUGH = 1e-10
SHARES = (1.0, 0.5, 0.2, 0.05, 0.01)
"""Of a Newton step that are tried in turn."""
LARGEST = 2.0
"""Change of log v in one step."""


class OneSeries(NamedTuple):
    """A series and its columns, one per row, scaled to unit priors.

    Attributes:
        y: observed values over their scale, shape (n,).
        trend: offset and slope, shape (1 or 2, n).
        features: shape (F, n).
        hinges: shape (S, n).
        tau: scale of the hinges' Laplace prior.
        multiplicative: whether features multiply the trend or are added to it.
    """

    y: Floats
    trend: Floats
    features: Floats
    hinges: Floats
    tau: float
    multiplicative: bool = False


class Point(NamedTuple):
    """Where a search stands: ridge coefficients (trend, then features), deltas, v, SSR and the worst violation.

    Attributes:
        objective: the log posterior, constants dropped.
    """

    coefficients: Floats
    deltas: Floats
    variance: float
    ssr: float
    violation: float
    objective: float


class Slopes(NamedTuple):
    """Residuals (n,) at some parameters and the fit's derivative by trend, features and hinges, (p, n) in all."""

    residuals: Floats
    trend: Floats
    features: Floats
    hinges: Floats


def slopes(series: OneSeries, coefficients: Floats, deltas: Floats) -> Slopes:
    """Residuals and derivatives at these parameters."""
    n_trend = len(series.trend)
    trend = coefficients[:n_trend] @ series.trend + deltas @ series.hinges
    effects = coefficients[n_trend:] @ series.features
    if not series.multiplicative:
        return Slopes(series.y - trend - effects, series.trend, series.features, series.hinges)
    factor = 1.0 + effects
    return Slopes(series.y - trend * factor, series.trend * factor, series.features * trend, series.hinges * factor)


def point_at(series: OneSeries, coefficients: Floats, deltas: Floats, variance: float | None = None) -> Point:
    """These parameters, with the best v for them unless one is given, and how far from optimal they are."""
    at = slopes(series, coefficients, deltas)
    ssr = float(at.residuals @ at.residuals)
    variance = max(variance or variance_given(ssr, len(series.y)), VARIANCE_FLOOR)
    violation = _violation(at, coefficients, deltas, variance=variance, tau=series.tau)
    noise = (ssr / variance - len(series.y)) / variance**0.5 - 4.0 * variance**0.5
    noise = max(noise, 0.0) if variance <= VARIANCE_FLOOR else abs(noise)
    return Point(
        coefficients=coefficients,
        deltas=deltas,
        variance=variance,
        ssr=ssr,
        violation=max(violation, noise),
        objective=-0.5 * len(series.y) * math.log(variance)
        - ssr / (2.0 * variance)
        - 0.5 * float(coefficients @ coefficients)
        - float(np.abs(deltas).sum()) / series.tau
        - 2.0 * variance,
    )


def _violation(at: Slopes, coefficients: Floats, deltas: Floats, *, variance: float, tau: float) -> float:
    ridge = np.concatenate([at.trend @ at.residuals, at.features @ at.residuals]) / variance - coefficients
    pull = at.hinges @ at.residuals / variance
    bends = np.where(deltas != 0.0, np.abs(pull - np.sign(deltas) / tau), np.maximum(np.abs(pull) - 1.0 / tau, 0.0))
    return float(max(np.abs(ridge).max(), bends.max(initial=0.0)))


def polish(series: OneSeries, start: Point) -> Point:
    """The best point that Newton steps from `start` reach; `start` itself where none is better."""
    here = start
    for _ in range(STEPS):
        better = _better_along(series, here, _newton_step(series, here))
        if better is None:
            break
        here = better
        if here.violation < GOOD_ENOUGH:
            break
    return here


def _better_along(series: OneSeries, here: Point, step: Floats) -> Point | None:
    """The first share of this step that clearly lessens the violation or raises the posterior."""
    for share in SHARES:
        there = point_at(series, *_moved(here, share * step))
        if there.violation < 0.5 * here.violation or there.objective > here.objective + 1e-9 * abs(here.objective):
            return there
    return None


def _moved(here: Point, step: Floats) -> tuple[Floats, Floats, float]:
    """Parameters after this step, or where the first delta on its way reaches zero."""
    n_ridge = len(here.coefficients)
    used = np.flatnonzero(here.deltas)
    bends, change = here.deltas[used], step[n_ridge:-1]
    crossing = np.sign(bends + change) != np.sign(bends)
    reaches = np.ones(len(used))
    reaches[crossing] = -bends[crossing] / change[crossing]
    reach = reaches.min(initial=1.0)
    deltas = here.deltas.copy()
    deltas[used] = np.where(crossing & (reaches == reach), 0.0, bends + reach * change)
    variance = here.variance * math.exp(min(max(reach * step[-1], -LARGEST), LARGEST))
    return here.coefficients + reach * step[:n_ridge], deltas, variance


def _newton_step(series: OneSeries, here: Point) -> Floats:
    """Newton's step for the ridge coefficients, then the deltas in use, then log v; times v to be well scaled."""
    used = np.flatnonzero(here.deltas)
    at = slopes(series, here.coefficients, here.deltas)
    jacobian = np.concatenate([at.trend, at.features, at.hinges[used]])
    n_ridge, n_linear = len(here.coefficients), len(jacobian)
    pull = jacobian @ at.residuals
    penalty = np.concatenate([here.coefficients, np.sign(here.deltas[used]) / series.tau]) * here.variance
    hessian = np.zeros((n_linear + 1, n_linear + 1))
    hessian[:n_linear, :n_linear] = jacobian @ jacobian.T
    hessian[np.arange(n_ridge), np.arange(n_ridge)] += here.variance
    if series.multiplicative:
        hessian[:n_linear, :n_linear] -= _interaction(series, at.residuals, used)
    hessian[n_linear, n_linear] = 0.5 * here.ssr + 2.0 * here.variance**2
    gradient = np.append(pull - penalty, 0.0)
    if here.variance > VARIANCE_FLOOR:
        hessian[n_linear, :n_linear] = hessian[:n_linear, n_linear] = pull
        gradient[n_linear] = 0.5 * (here.ssr - len(series.y) * here.variance) - 2.0 * here.variance**2
    step: Floats = np.linalg.lstsq(hessian, gradient)[0]
    return step


def _interaction(series: OneSeries, residuals: Floats, used: NDArray[np.int64]) -> Floats:
    """What residuals add to the curvature where trend and features are multiplied."""
    n_trend, n_features = len(series.trend), len(series.features)
    crossed = series.features @ (np.concatenate([series.trend, series.hinges[used]]) * residuals).T
    places = np.r_[0:n_trend, n_trend + n_features : n_trend + n_features + len(used)]
    result = np.zeros((n_trend + n_features + len(used),) * 2)
    result[n_trend : n_trend + n_features, places] = crossed
    return result + result.T
