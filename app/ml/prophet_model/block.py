"""The optimum of a block of series."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.design import GroupDesign
from app.ml.prophet_model.multiplicative import fit_multiplicative
from app.ml.prophet_model.newton import OneSeries, Point, point_at, polish
from app.ml.prophet_model.optimality import Estimate, kkt_residual
from app.ml.prophet_model.own_days import OwnDesigns
from app.ml.prophet_model.problem import times, transposed

Floats = NDArray[np.float64]

ROUGH = 1e-7
"""Above this violation the solver's sums have reached their rounding, and a series is polished by itself."""


class Optimum(NamedTuple):
    """Scaled parameters of B series and the worst violation of an optimality condition of each, (B,)."""

    estimate: Estimate
    kkt_residual: Floats


def solve_additive(design: GroupDesign | OwnDesigns, scaled: Floats) -> Optimum:
    """All series of the block together; those the solver leaves rough are polished one by one."""
    from app.ml.prophet_model import solver  # noqa: PLC0415 - numba takes a second that only a fit pays

    moments = design.moments(scaled)
    turned = np.empty_like(moments.turned)
    deltas = np.zeros_like(moments.hinges)
    if isinstance(design, OwnDesigns):
        variances, ssr = solver.fit_each(design.shared, *moments, turned, deltas)
    else:
        variances, ssr = solver.fit_block(design.shared, *moments, turned, deltas)
    estimate = Estimate(times(turned, transposed(design.basis)), deltas, variances, ssr)
    optimum = Optimum(estimate, kkt_residual(estimate, design=design, moments=moments))
    for i in np.flatnonzero(optimum.kkt_residual > ROUGH).tolist():
        _replace(optimum, i, _polished(design.one_series(scaled, i), estimate, i))
    return optimum


def solve_multiplicative(design: GroupDesign, scaled: Floats) -> Optimum:
    """Each series of the block by itself: its trend and its effects weight each other's columns."""
    series = (design.one_series(scaled, i)._replace(multiplicative=True) for i in range(len(scaled)))
    return _stacked([fit_multiplicative(one) for one in series])


def _polished(series: OneSeries, estimate: Estimate, i: int) -> Point:
    start = point_at(series, estimate.coefficients[i], estimate.deltas[i], estimate.variances[i])
    return polish(series, start)


def _replace(optimum: Optimum, i: int, point: Point) -> None:
    estimate = optimum.estimate
    estimate.coefficients[i], estimate.deltas[i] = point.coefficients, point.deltas
    estimate.variances[i], estimate.ssr[i], optimum.kkt_residual[i] = point.variance, point.ssr, point.violation


def _stacked(points: list[Point]) -> Optimum:
    estimate = Estimate(
        coefficients=np.array([point.coefficients for point in points]),
        deltas=np.array([point.deltas for point in points]),
        variances=np.array([point.variance for point in points]),
        ssr=np.array([point.ssr for point in points]),
    )
    return Optimum(estimate, np.array([point.violation for point in points]))
