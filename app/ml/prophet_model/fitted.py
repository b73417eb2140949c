"""A table of fitted Prophets: predict, explain, hand over to the stock library."""

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.features import AHEAD, Features, prophet_features
from app.ml.prophet_model.spec import ProphetSpec
from app.ml.prophet_model.stock import fitted_stock_prophet

if TYPE_CHECKING:
    from prophet import Prophet

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Parameters(NamedTuple):
    """Prophet's parameters of B series, on Prophet's scales (y over its largest value, t from 0 to 1).

    Attributes:
        k: slope of the trend before any bend, (B,).
        m: offset of the trend, (B,).
        delta: change of slope at each changepoint, (B, S); unused places are zero.
        beta: one coefficient per feature column, (B, K); zero where a column is off for that series.
        sigma_obs: noise, (B,).
    """

    k: Floats
    m: Floats
    delta: Floats
    beta: Floats
    sigma_obs: Floats


class Frame(NamedTuple):
    """Where each series' own scales lie.

    Attributes:
        first: row of the first observed day, (B,); zero where nothing is estimated.
        span: days from first to last observed day, (B,); one where nothing is estimated.
        scale: largest absolute value, 1 for an all-zero series, (B,).
        changepoints: times of the bends, (B, S); zero where a series has fewer.
    """

    first: Integers
    span: Integers
    scale: Floats
    changepoints: Floats


@dataclass(frozen=True)
class FittedProphets:
    """One fitted Prophet per row of the history.

    Attributes:
        spec: what was asked.
        start: first day of the history's columns.
        history: the table that was fitted, not copied.
        params: see `Parameters`.
        frame: see `Frame`.
        outcomes: an `Outcome` per series, (B,).
        objective: log posterior as Stan's `lp__`, (B,); infinite where the outcome is CONSTANT or TOO_SHORT.
        kkt_residual: largest violation of an optimality condition, (B,); zero where nothing is estimated.
    """

    spec: ProphetSpec
    start: date
    history: Floats
    params: Parameters
    frame: Frame
    outcomes: NDArray[np.int8]
    objective: Floats
    kkt_residual: Floats

    def predict(self, horizon: int, *, floor: float | None = None) -> Floats:
        """The mean path of the `horizon` days after the history's last column, shape (n_series, horizon).

        `floor` replaces what lies below it; None leaves Prophet's own path, which may be negative.
        """
        days, features = self._future(horizon)
        if self.spec.seasonality_mode == "multiplicative":
            path = self._line() @ _line_columns(days)
            path *= 1.0 + self.params.beta @ features.values
        else:
            effects = self.params.beta * self.frame.scale[:, None]
            path = np.concatenate([self._line(), effects], axis=1) @ np.concatenate(
                [_line_columns(days), features.values]
            )
        return path if floor is None else np.maximum(path, floor, out=path)

    def components(self, horizon: int) -> dict[str, Floats]:
        """The parts of `predict` by name: "trend", and "yearly", "weekly", "holidays" where the spec has them.

        Each of shape (n_series, horizon); the trend in the series' units, the others too when additive (they sum to
        the prediction), and shares of the trend when multiplicative, as in Prophet's own output.
        """
        days, features = self._future(horizon)
        unit = 1.0 if self.spec.seasonality_mode == "multiplicative" else self.frame.scale[:, None]
        parts = {"trend": self._line() @ _line_columns(days)}
        for name in dict.fromkeys(features.components):
            columns = [i for i, component in enumerate(features.components) if component == name]
            parts[name] = self.params.beta[:, columns] @ features.values[columns] * unit
        return parts

    def as_prophet(self, index: int) -> "Prophet":
        """The series as a stock `prophet.Prophet`, as if that library had fitted it.

        Raises:
            ValueError: fewer than two observed days, which Prophet refuses.
            ModuleNotFoundError: the extra `prophet` is not installed.
        """
        params = {name: np.atleast_1d(values[index]) for name, values in self.params._asdict().items()}
        return fitted_stock_prophet(self.spec, start=self.start, history=self.history[index], params=params)

    def _future(self, horizon: int) -> tuple[Integers, Features]:
        """The coming days, counted from the history's first, and the features of these days alone."""
        n_days = self.history.shape[1]
        known = prophet_features(self.spec, self.start, n_days + max(horizon, AHEAD))
        days = np.arange(n_days, n_days + horizon)
        return days, replace(known, values=known.values[:, n_days : n_days + horizon])

    def _line(self) -> Floats:
        """The trend after the last bend, a straight line: its value at row 0 and its change per day, (B, 2)."""
        slope = (self.params.k + self.params.delta.sum(axis=1)) / self.frame.span
        bends = np.einsum("bs,bs->b", self.params.delta, self.frame.changepoints)
        offset = self.params.m - bends - slope * self.frame.first
        return np.stack([offset, slope], axis=1) * self.frame.scale[:, None]


def _line_columns(days: Integers) -> Floats:
    return np.stack([np.ones(len(days)), days.astype(np.float64)])
