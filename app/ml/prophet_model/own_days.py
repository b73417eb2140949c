"""Series that share their observed days with few others: their designs are made and held as one stack.

A missing day is a column of zeros in every design, so that all designs of a stack have one shape and NumPy treats them
together; of a design alone most of the time would go by in calling NumPy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.design import TREND_PRIOR_SCALE, Moments, Timeline, trend_columns
from app.ml.prophet_model.features import Features
from app.ml.prophet_model.newton import OneSeries
from app.ml.prophet_model.problem import StackedDesigns
from app.ml.prophet_model.spec import ProphetSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class OwnDesigns:
    """A design for each of B series, all with the same components and number of changepoints.

    Attributes:
        observed: (B, n_days).
        first: first observed day, (B,).
        span: days from first to last observed day, (B,).
        changepoints: times of the bends, (B, S).
        columns: feature columns in use, (F,).
        scales: prior scale of each ridge column (trend, then features), (R,).
        basis: eigenvectors of the ridge columns' Gram matrices, (B, R, R).
        matrix: ridge columns times their prior scales, then hinges, zero on missing days: (B, R + S, n_days).
        shared: what the solver needs.
    """

    observed: NDArray[np.bool_]
    first: Integers
    span: Integers
    changepoints: Floats
    columns: Integers
    scales: Floats
    basis: Floats
    matrix: Floats
    shared: StackedDesigns

    @property
    def n_trend(self) -> int:
        """Ridge columns that belong to the trend."""
        return len(self.scales) - len(self.columns)

    def one_series(self, scaled: Floats, i: int) -> OneSeries:
        """One of the scaled series (B, n_days) with its columns, on its observed days."""
        observed = self.observed[i]
        trend, features, hinges = np.split(self.matrix[i][:, observed], [self.n_trend, len(self.scales)])
        return OneSeries(scaled[i, observed], trend, features, hinges, self.shared.tau)

    def moments(self, scaled: Floats) -> Moments:
        """Sums over the observed days of scaled series (B, n_days) that are zero where missing."""
        cross = np.matmul(self.matrix, scaled[:, :, None])[:, :, 0]
        n_ridge = len(self.scales)
        turned = np.matmul(cross[:, None, :n_ridge], self.basis)[:, 0]
        return Moments(turned, np.ascontiguousarray(cross[:, n_ridge:]), np.einsum("bn,bn->b", scaled, scaled))


def design_each(timelines: Sequence[Timeline], features: Features, spec: ProphetSpec, *, n_days: int) -> OwnDesigns:
    """Prophet's design for each of these timelines, which have components and number of changepoints in common."""
    observed = _observed(timelines, n_days=n_days)
    first = np.array([timeline.first for timeline in timelines])
    span = np.array([timeline.span for timeline in timelines])
    changepoints = np.stack([timeline.changepoints(spec) for timeline in timelines])
    on = timelines[0].components(spec)
    columns = np.flatnonzero(np.array([component in on for component in features.components], bool))
    scales = np.concatenate([np.full(trend_columns(spec), TREND_PRIOR_SCALE), features.prior_scales[columns]])
    time = (np.arange(n_days) - first[:, None]) / span[:, None]
    matrix = _matrix(time, changepoints, features.scaled[columns, :n_days], n_trend=trend_columns(spec))
    matrix *= observed[:, None, :]
    eigenvalues, basis, mixed, hinges = _turned(matrix, n_ridge=len(scales))
    shared = StackedDesigns(eigenvalues, mixed, hinges, observed.sum(axis=1), spec.changepoint_prior_scale)
    return OwnDesigns(observed, first, span, changepoints, columns, scales, basis, matrix, shared)


def _observed(timelines: Sequence[Timeline], *, n_days: int) -> NDArray[np.bool_]:
    observed = np.zeros((len(timelines), n_days), bool)
    for i, timeline in enumerate(timelines):
        observed[i, timeline.rows] = True
    return observed


def _matrix(time: Floats, changepoints: Floats, features: Floats, *, n_trend: int) -> Floats:
    """Columns of every design on every day: trend, features, hinges, each as a row."""
    n_ridge = n_trend + len(features)
    matrix = np.empty((len(time), n_ridge + changepoints.shape[1], time.shape[1]))
    matrix[:, 0] = TREND_PRIOR_SCALE
    matrix[:, 1:n_trend] = time[:, None] * TREND_PRIOR_SCALE
    matrix[:, n_trend:n_ridge] = features
    np.subtract(time[:, None], changepoints[:, :, None], out=matrix[:, n_ridge:])
    np.maximum(matrix[:, n_ridge:], 0.0, out=matrix[:, n_ridge:])
    return matrix


def _turned(matrix: Floats, *, n_ridge: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Eigenvalues and eigenvectors of the ridge columns' Gram matrices, and the hinges' products with both."""
    gram = np.matmul(matrix, matrix.swapaxes(1, 2))
    eigenvalues, basis = np.linalg.eigh(gram[:, :n_ridge, :n_ridge])
    mixed = np.matmul(gram[:, n_ridge:, :n_ridge], basis)
    return np.maximum(eigenvalues, 0.0), basis, mixed, np.ascontiguousarray(gram[:, n_ridge:, n_ridge:])
