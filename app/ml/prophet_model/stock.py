"""The way to and from `prophet.Prophet`; the library is imported only when called, for it takes a second."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.spec import ProphetSpec

if TYPE_CHECKING:
    import pandas as pd
    from prophet import Prophet

Floats = NDArray[np.float64]

YEAR = 365.25
WEEK = 7
YEARLY_ORDER = 10
WEEKLY_ORDER = 3


@dataclass(frozen=True)
class Features:
    """Prophet's feature columns on consecutive days.

    Attributes:
        values: shape (n_days, K).
        components: "yearly", "weekly", "holidays" or "zeros", one per column.
        prior_scales: standard deviation of each coefficient's prior, shape (K,).
    """

    values: Floats
    components: tuple[str, ...]
    prior_scales: Floats


def stock_prophet(spec: ProphetSpec, **overrides: Any) -> "Prophet":  # noqa: ANN401 - Prophet's own settings
    """An unfitted `prophet.Prophet` with the same settings."""
    from prophet import Prophet  # noqa: PLC0415 - a second of import that only callers pay

    settings: dict[str, Any] = {
        "growth": spec.growth,
        "yearly_seasonality": spec.yearly,
        "weekly_seasonality": spec.weekly,
        "daily_seasonality": False,
        "holidays": _holiday_frame(spec),
        "seasonality_mode": spec.seasonality_mode,
        "n_changepoints": spec.n_changepoints,
        "changepoint_range": spec.changepoint_range,
        "changepoint_prior_scale": spec.changepoint_prior_scale,
        "seasonality_prior_scale": spec.seasonality_prior_scale,
        "holidays_prior_scale": spec.holidays_prior_scale,
    }
    return Prophet(**(settings | overrides))


def _holiday_frame(spec: ProphetSpec) -> "pd.DataFrame | None":
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


def stock_features(spec: ProphetSpec, days: NDArray[np.datetime64]) -> Features:
    """Prophet's own feature columns on these days, as if every seasonality that is not off were on.

    With nothing asked for, Prophet itself makes one column of zeros, here of the component "zeros".
    """
    import pandas as pd  # noqa: PLC0415 - see above

    stock = stock_prophet(spec, yearly_seasonality=False, weekly_seasonality=False)
    if spec.yearly:
        stock.add_seasonality("yearly", YEAR, YEARLY_ORDER)
    if spec.weekly:
        stock.add_seasonality("weekly", WEEK, WEEKLY_ORDER)
    table, scales, _, _ = stock.make_all_seasonality_features(pd.DataFrame({"ds": pd.to_datetime(days)}))
    components = tuple(_component(str(column)) for column in table.columns)
    return Features(table.to_numpy(np.float64), components, np.asarray(scales, np.float64))


def _component(column: str) -> str:
    prefix = column.split("_delim_")[0]
    return prefix if prefix in {"yearly", "weekly", "zeros"} else "holidays"


def fitted_stock_prophet(
    spec: ProphetSpec, *, days: NDArray[np.datetime64], history: Floats, params: dict[str, Floats]
) -> "Prophet":
    """A stock Prophet that has been told this history and these parameters instead of being fitted.

    Args:
        spec: the settings.
        days: of the history, consecutive, shape (n_days,).
        history: observed values, NaN where missing, shape (n_days,).
        params: k, m, delta, beta, sigma_obs, one-dimensional, on Prophet's scales; `beta` has one coefficient per
            column of `stock_features`, `delta` at least one place per changepoint.

    Raises:
        ValueError: fewer than two observed days, which Prophet refuses.
    """
    import pandas as pd  # noqa: PLC0415 - see above

    stock = stock_prophet(spec)
    stock.preprocess(pd.DataFrame({"ds": pd.to_datetime(days), "y": history}))
    components = stock_features(spec, days[:1]).components
    own = np.array([component in stock.train_component_cols for component in components])
    bends = len(stock.changepoints_t)
    delta = np.concatenate([params["delta"], np.zeros(bends)])[:bends]
    beta = params["beta"][own] if own.any() else np.zeros(1)
    stock.params = {name: values.reshape(1, -1) for name, values in (params | {"delta": delta, "beta": beta}).items()}
    return stock
