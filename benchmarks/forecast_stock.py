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
PATIENT = {"iter": 100_000, "sig_figs": 17, "require_converged": False}
NEGLIGIBLE = 1e-3
SHRINKINGS = 8
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
    """Stan at its best, never shown our answer: tolerances at rounding, and bends it does not use taken away.

    The Laplace prior has a kink where a bend is zero, and there the line searches of Stan's optimisers end, tolerances
    or not. So BFGS is followed by Newton without the bends left below a NEGLIGIBLE share of the largest, until all that
    remain are in use. What it finds is a point of the whole model: the bends taken away are zero.
    """
    observed, days = _tables(series, index)
    begun = time.perf_counter()
    best = _model(series).fit(observed, algorithm="BFGS", **TIGHT, **PATIENT)
    for _ in range(SHRINKINGS):
        bends = np.abs(best.params["delta"][0])
        used = bends > NEGLIGIBLE * bends.max()
        start = {name: _plain(name, best.params[name]) for name in PARAMETERS}
        start["delta"] = best.params["delta"][0][used]
        changepoints = pd.Series(best.changepoints)[used]
        nearer = _model(series, changepoints=changepoints).fit(observed, algorithm="Newton", init=start, **PATIENT)
        if _objective(nearer) <= _objective(best):
            break
        best = nearer
        if used.all():
            break
    return StockFit(_objective(best), best.predict(days)["yhat"].to_numpy(), time.perf_counter() - begun)


def _plain(name: str, values: Floats) -> Any:  # noqa: ANN401 - a number or a row, as Stan wants it
    return values[0] if name in {"delta", "beta"} else values.item()


def _model(series: SeriesSet, **settings: Any) -> "Prophet":  # noqa: ANN401 - Prophet's own settings
    from prophet import Prophet  # noqa: PLC0415 - not needed by the measured child processes

    return Prophet(uncertainty_samples=0, holidays=holiday_frame(series.spec), **settings)


def _tables(series: SeriesSet, index: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    values = series.history[index]
    days = pd.date_range(series.start, periods=len(values) + HORIZON)
    observed = pd.DataFrame({"ds": days[: len(values)], "y": values}).dropna()
    return observed, pd.DataFrame({"ds": days[len(values) :]})


def _objective(model: "Prophet") -> float:
    return float(model.params["lp__"].item()) if "lp__" in model.params else np.inf
