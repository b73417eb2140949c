"""Which series share a design, and that design: Prophet's columns, scaling of time and changepoints."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.solver import SharedDesign
from app.ml.prophet_model.spec import ProphetSpec
from app.ml.prophet_model.stock import Features

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TREND_PRIOR_SCALE = 5.0
YEARLY_DAYS = 730
WEEKLY_DAYS = 14
WEEK = 7


@dataclass(frozen=True)
class Timeline:
    """The observed days of a group of series; Prophet counts time and changepoints by them alone.

    Attributes:
        rows: the observed days, counted from the first day of the table.
    """

    rows: Integers

    @property
    def first(self) -> int:
        """First observed day."""
        return int(self.rows[0])

    @property
    def span(self) -> int:
        """Days between first and last observed day: Prophet's unit of time."""
        return int(self.rows[-1] - self.rows[0])

    @property
    def time(self) -> Floats:
        """Prophet's t, from 0 to 1."""
        return (self.rows - self.first) / self.span

    def has(self, component: str, spec: ProphetSpec) -> bool:
        """Whether this component is on; Prophet's own rules where the spec says "auto"."""
        if component == "yearly":
            return spec.yearly if spec.yearly != "auto" else self.span >= YEARLY_DAYS
        if component == "weekly":
            dense = self.span >= WEEKLY_DAYS and int(np.diff(self.rows).min()) < WEEK
            return spec.weekly if spec.weekly != "auto" else dense
        return True

    def changepoints(self, spec: ProphetSpec) -> Floats:
        """Times of the possible bends, spread over the first part of the observations as Prophet spreads them."""
        if spec.growth == "flat":
            return np.empty(0)
        reach = int(np.floor(len(self.rows) * spec.changepoint_range))
        count = min(spec.n_changepoints, reach - 1)
        if count <= 0:
            return np.empty(0)
        chosen = np.linspace(0, reach - 1, count + 1).round().astype(np.int64)[1:]
        return self.time[chosen]


@dataclass(frozen=True)
class GroupDesign:
    """The design of all series with the same timeline.

    Attributes:
        timeline: the observed days.
        changepoints: times of the bends, shape (S,).
        columns: which feature columns are in use, shape (F,): neither off nor zero throughout.
        ridge: trend and feature columns times their prior scales, shape (n, R).
        hinges: shape (n, S).
        scales: prior scale of each ridge column, shape (R,).
        basis: eigenvectors of the ridge columns' Gram matrix, shape (R, R).
        shared: what the solver needs.
    """

    timeline: Timeline
    changepoints: Floats
    columns: Integers
    ridge: Floats
    hinges: Floats
    scales: Floats
    basis: Floats
    shared: SharedDesign

    @property
    def n_trend(self) -> int:
        """Ridge columns that belong to the trend: offset and, unless flat, slope."""
        return len(self.scales) - len(self.columns)


def trend_columns(time: Floats, spec: ProphetSpec) -> Floats:
    """Offset and, unless the trend is flat, slope: shape (n, 1 or 2)."""
    return np.stack([np.ones_like(time), time][: 1 if spec.growth == "flat" else 2], axis=1)


def design_group(timeline: Timeline, features: Features, spec: ProphetSpec) -> GroupDesign:
    """Prophet's design for these observed days, with the ridge columns turned into their eigenbasis."""
    observed = features.values[timeline.rows]
    switched_on = np.array([timeline.has(component, spec) for component in features.components])
    columns = np.flatnonzero(switched_on & observed.any(axis=0))
    trend = trend_columns(timeline.time, spec)
    scales = np.concatenate([np.full(trend.shape[1], TREND_PRIOR_SCALE), features.prior_scales[columns]])
    ridge = np.concatenate([trend, observed[:, columns]], axis=1) * scales
    changepoints = timeline.changepoints(spec)
    hinges = np.maximum(timeline.time[:, None] - changepoints, 0.0)
    eigenvalues, basis = np.linalg.eigh(ridge.T @ ridge)
    shared = SharedDesign(
        eigenvalues=np.maximum(eigenvalues, 0.0),
        mixed=np.ascontiguousarray(hinges.T @ ridge @ basis),
        hinges=hinges.T @ hinges,
        n_days=len(timeline.rows),
        tau=spec.changepoint_prior_scale,
    )
    return GroupDesign(timeline, changepoints, columns, ridge, hinges, scales, basis, shared)


def group_by_observed_days(history: Floats) -> Iterator[tuple[Integers, Integers]]:
    """Series that were observed on the same days, with those days: pairs of (series, days)."""
    packed = np.packbits(~np.isnan(history), axis=1)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(first) + 1))
    for group, leader in enumerate(first):
        yield order[bounds[group] : bounds[group + 1]], np.flatnonzero(~np.isnan(history[leader]))
