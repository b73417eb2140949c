"""The way to and from `prophet.Prophet`, for those who have installed it: the extra `prophet` brings it.

The library is imported only when called, for it takes a second.
"""

from datetime import date
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.features import AHEAD, prophet_features
from app.ml.prophet_model.spec import ProphetSpec

if TYPE_CHECKING:
    import pandas as pd
    from prophet import Prophet

Floats = NDArray[np.float64]


def stock_prophet(spec: ProphetSpec, **overrides: Any) -> "Prophet":  # noqa: ANN401 - Prophet's own settings
    """An unfitted `prophet.Prophet` with the same settings.

    Raises:
        ModuleNotFoundError: the library is not installed.
    """
    from prophet import Prophet  # noqa: PLC0415 - a second of import that only callers pay

    settings: dict[str, Any] = {
        "growth": spec.growth,
        "yearly_seasonality": spec.yearly,
        "weekly_seasonality": spec.weekly,
        "daily_seasonality": False,
        "holidays": holiday_frame(spec),
        "seasonality_mode": spec.seasonality_mode,
        "n_changepoints": spec.n_changepoints,
        "changepoint_range": spec.changepoint_range,
        "changepoint_prior_scale": spec.changepoint_prior_scale,
        "seasonality_prior_scale": spec.seasonality_prior_scale,
        "holidays_prior_scale": spec.holidays_prior_scale,
    }
    return Prophet(**(settings | overrides))


def holiday_frame(spec: ProphetSpec) -> "pd.DataFrame | None":
    """The spec's holidays as Prophet wants them; None where there are none."""
    import pandas as pd  # noqa: PLC0415 - see above

    if not spec.holidays:
        return None
    return pd.DataFrame(
        {
            "ds": pd.to_datetime([holiday.day for holiday in spec.holidays]),
            "holiday": [holiday.name for holiday in spec.holidays],
            "lower_window": [holiday.lower_window for holiday in spec.holidays],
            "upper_window": [holiday.upper_window for holiday in spec.holidays],
        }
    )


def fitted_stock_prophet(spec: ProphetSpec, *, start: date, history: Floats, params: dict[str, Floats]) -> "Prophet":
    """A stock Prophet that has been told this history and these parameters instead of being fitted.

    Args:
        spec: the settings.
        start: first day of the history.
        history: observed values, NaN where missing, shape (n_days,).
        params: k, m, delta, beta, sigma_obs, one-dimensional, on Prophet's scales; `beta` has one coefficient per
            column of `prophet_features`, `delta` at least one place per changepoint.

    Raises:
        ValueError: fewer than two observed days, which Prophet refuses.
    """
    import pandas as pd  # noqa: PLC0415 - see above

    stock = stock_prophet(spec)
    stock.preprocess(pd.DataFrame({"ds": pd.date_range(start, periods=len(history)), "y": history}))
    own = _own_shapes(stock, params, components=prophet_features(spec, start, len(history) + AHEAD).components)
    stock.params = {name: values.reshape(1, -1) for name, values in (params | own).items()}
    return stock


def _own_shapes(stock: "Prophet", params: dict[str, Floats], *, components: tuple[str, ...]) -> dict[str, Floats]:
    """The bends and coefficients that this series has; Prophet wants at least one of each, then zero."""
    bends = len(cast("Floats", stock.changepoints_t))
    known = set(cast("pd.DataFrame", stock.train_component_cols).columns)
    own = [i for i, component in enumerate(components) if component in known]
    return {
        "delta": np.concatenate([params["delta"], np.zeros(bends)])[:bends],
        "beta": params["beta"][own] if own else np.zeros(1),
    }
