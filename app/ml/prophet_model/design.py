"""Which series share a design, and that design: Prophet's columns, scaling of time and changepoints."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.features import Features
from app.ml.prophet_model.newton import OneSeries
from app.ml.prophet_model.problem import SharedDesign
from app.ml.prophet_model.spec import ProphetSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Shape = tuple[frozenset[str], int]
Value = TypeVar("Value", bound=np.generic)

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
    def is_enough(self) -> bool:
        """Whether Prophet would fit so few observations: it wants two."""
        return len(self.rows) > 1

    @property
    def first(self) -> int:
        """First observed day."""
        return int(self.rows[0])

    @property
    def span(self) -> int:
        """Days between first and last observed day: Prophet's unit of time."""
        return int(self.rows[-1] - self.rows[0])

    @cached_property
    def time(self) -> Floats:
        """Prophet's t, from 0 to 1."""
        return (self.rows - self.first) / self.span

    def components(self, spec: ProphetSpec) -> set[str]:
        """The components in use; Prophet's own rules where the spec says "auto"."""
        dense = self.span >= WEEKLY_DAYS and int(np.diff(self.rows).min()) < WEEK
        yearly = spec.yearly if spec.yearly != "auto" else self.span >= YEARLY_DAYS
        weekly = spec.weekly if spec.weekly != "auto" else dense
        return {"holidays"} | {name for name, on in (("yearly", yearly), ("weekly", weekly)) if on}

    def n_changepoints(self, spec: ProphetSpec) -> int:
        """As many as asked for, unless the part of the history that may bend has fewer observations."""
        return 0 if spec.growth == "flat" else max(0, min(spec.n_changepoints, self._reach(spec) - 1))

    def changepoints(self, spec: ProphetSpec) -> Floats:
        """Times of the possible bends, spread over the first part of the observations as Prophet spreads them."""
        return self.time[_spread(self._reach(spec) - 1, self.n_changepoints(spec))]

    def shape(self, spec: ProphetSpec) -> Shape:
        """What two timelines must have in common for their designs to have the same columns."""
        return frozenset(self.components(spec)), self.n_changepoints(spec)

    def _reach(self, spec: ProphetSpec) -> int:
        return int(np.floor(len(self.rows) * spec.changepoint_range))


@lru_cache(maxsize=4096)
def _spread(last: int, count: int) -> Integers:
    """Places of `count` changepoints among observations 0 to `last`, by Prophet's own formula."""
    return np.linspace(0, last, count + 1).round().astype(np.int64)[1:]


class Moments(NamedTuple):
    """All that a fit needs to know of B series.

    Attributes:
        turned: ridge columns, in their eigenbasis, times y, shape (B, R).
        hinges: hinges times y, shape (B, S).
        energy: y'y, shape (B,).
    """

    turned: Floats
    hinges: Floats
    energy: Floats


@dataclass(frozen=True)
class GroupDesign:
    """The design of all series with the same timeline.

    Attributes:
        timeline: the observed days.
        changepoints: times of the bends, shape (S,).
        columns: which feature columns are in use, shape (F,): neither off nor zero throughout.
        scales: prior scale of each ridge column (trend, then features), shape (R,).
        basis: eigenvectors of the ridge columns' Gram matrix, shape (R, R).
        matrix: ridge columns times their prior scales, then hinges, a column per row: shape (R + S, n).
        shared: what the solver needs.
    """

    timeline: Timeline
    changepoints: Floats
    columns: Integers
    scales: Floats
    basis: Floats
    matrix: Floats
    shared: SharedDesign

    @property
    def first(self) -> int:
        """First observed day."""
        return self.timeline.first

    @property
    def span(self) -> int:
        """Days between first and last observed day."""
        return self.timeline.span

    @property
    def n_trend(self) -> int:
        """Ridge columns that belong to the trend: offset and, unless flat, slope."""
        return len(self.scales) - len(self.columns)

    def one_series(self, scaled: Floats, i: int) -> OneSeries:
        """One of the scaled series (B, n) with these columns."""
        trend, features, hinges = np.split(self.matrix, [self.n_trend, len(self.scales)])
        return OneSeries(scaled[i], trend, features, hinges, self.shared.tau)

    def moments(self, scaled: Floats) -> Moments:
        """Sums over the observed days of scaled series (B, n)."""
        cross = scaled @ self.matrix.T
        n_ridge = len(self.scales)
        energy = np.einsum("bn,bn->b", scaled, scaled)
        return Moments(cross[:, :n_ridge] @ self.basis, np.ascontiguousarray(cross[:, n_ridge:]), energy)


def design_group(timeline: Timeline, features: Features, spec: ProphetSpec) -> GroupDesign:
    """Prophet's design for these observed days, with the ridge columns turned into their eigenbasis."""
    changepoints = timeline.changepoints(spec)
    columns = _columns_in_use(timeline, features, spec)
    n_trend = trend_columns(spec)
    scales = np.concatenate([np.full(n_trend, TREND_PRIOR_SCALE), features.prior_scales[columns]])
    n_ridge = len(scales)
    matrix = np.empty((n_ridge + len(changepoints), len(timeline.rows)))
    matrix[0] = TREND_PRIOR_SCALE
    matrix[1:n_trend] = timeline.time * TREND_PRIOR_SCALE
    np.take(take(features.scaled, timeline.rows, axis=1), columns, axis=0, out=matrix[n_trend:n_ridge], mode="clip")
    np.subtract(timeline.time, changepoints[:, None], out=matrix[n_ridge:])
    np.maximum(matrix[n_ridge:], 0.0, out=matrix[n_ridge:])
    gram = matrix @ matrix.T
    eigenvalues, basis = np.linalg.eigh(gram[:n_ridge, :n_ridge])
    shared = SharedDesign(
        eigenvalues=np.maximum(eigenvalues, 0.0),
        mixed=gram[n_ridge:, :n_ridge] @ basis,
        hinges=np.ascontiguousarray(gram[n_ridge:, n_ridge:]),
        n_days=len(timeline.rows),
        tau=spec.changepoint_prior_scale,
    )
    return GroupDesign(timeline, changepoints, columns, scales, basis, matrix, shared)


def _columns_in_use(timeline: Timeline, features: Features, spec: ProphetSpec) -> Integers:
    """Feature columns that are neither off nor zero on every observed day."""
    on = timeline.components(spec)
    chosen = np.array([component in on for component in features.components], bool)
    return np.flatnonzero(chosen & take(features.seen, timeline.rows, axis=1).any(axis=1))


def trend_columns(spec: ProphetSpec) -> int:
    """Offset and, unless the trend is flat, slope."""
    return 1 if spec.growth == "flat" else 2


def take(table: NDArray[Value], places: Integers, *, axis: int) -> NDArray[Value]:
    """These rows or columns, without a copy where they lie side by side."""
    if places[-1] - places[0] + 1 == len(places):
        span = slice(places[0], places[-1] + 1)
        return table[span] if axis == 0 else table[:, span]
    return np.take(table, places, axis=axis)


def group_by_observed_days(history: Floats) -> Iterator[Integers]:
    """Series that were observed on the same days, group by group."""
    if history.size == 0:
        return
    packed = np.packbits(~np.isnan(history), axis=1)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    yield from np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1])
