"""The other side of the forecast bench: the stock library, one series after another."""

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from forecast_series import SeriesSet
from numpy.typing import NDArray

from app.ml.prophet_model.stock import holiday_frame

if TYPE_CHECKING:
    from prophet import Prophet

Floats = NDArray[np.float64]

HORIZON = 90
TIGHT = {"tol_obj": 1e-14, "tol_rel_obj": 1e-2, "tol_grad": 1e-12, "tol_rel_grad": 1e-2, "tol_param": 1e-14}
PARAMETERS = ("k", "m", "delta", "beta", "sigma_obs")


class StockFit(NamedTuple):
    """What the stock library makes of one series: log posterior, 90 days, seconds for fit and predict."""

    objective: float
    forecast: Floats
    seconds: float


def quiet() -> None:
    """Let neither Prophet nor Stan tell how each fit went."""
    logging.disable(logging.CRITICAL)


def stock_fit(series: SeriesSet, index: int) -> StockFit:
    """As a user would: fit, then predict 90 days, without sampling."""
    observed, days = _tables(series, index)
    begun = time.perf_counter()
    model = _model(series).fit(observed)
    forecast = model.predict(days)["yhat"].to_numpy()
    return StockFit(_objective(model), forecast, time.perf_counter() - begun)


def tight_fit(series: SeriesSet, index: int) -> StockFit:
    """Stan at its best: BFGS with tolerances at rounding, then Newton from there.

    L-BFGS, Prophet's choice, ends where its line search fails, at the kink of a delta that wants to be zero; BFGS and
    Newton come closer. The better of the two is taken.
    """
    observed, days = _tables(series, index)
    begun = time.perf_counter()
    settings = {"iter": 100_000, "sig_figs": 17, "require_converged": False}
    near = _model(series).fit(observed, algorithm="BFGS", **TIGHT, **settings)
    start = {name: _plain(name, near.params[name]) for name in PARAMETERS}
    nearer = _model(series).fit(observed, algorithm="Newton", init=start, **settings)
    best = max((near, nearer), key=_objective)
    return StockFit(_objective(best), best.predict(days)["yhat"].to_numpy(), time.perf_counter() - begun)


def _plain(name: str, values: Floats) -> Any:  # noqa: ANN401 - a number or a row, as Stan wants it
    return values[0] if name in {"delta", "beta"} else values.item()


def _model(series: SeriesSet) -> "Prophet":
    from prophet import Prophet  # noqa: PLC0415 - not needed by the measured child processes

    return Prophet(uncertainty_samples=0, holidays=holiday_frame(series.spec))


def _tables(series: SeriesSet, index: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    values = series.history[index]
    days = pd.date_range(series.start, periods=len(values) + HORIZON)
    observed = pd.DataFrame({"ds": days[: len(values)], "y": values}).dropna()
    return observed, pd.DataFrame({"ds": days[len(values) :]})


def _objective(model: "Prophet") -> float:
    return float(model.params["lp__"].item()) if "lp__" in model.params else np.inf
