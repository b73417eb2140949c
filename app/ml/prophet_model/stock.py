"""The way to and from `prophet.Prophet`; the library is imported only when called, for it takes a second."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.spec import ProphetSpec

if TYPE_CHECKING:
    import pandas as pd
    from prophet import Prophet

Floats = NDArray[np.float64]

AHEAD = 366
"""Days beyond the history for which features are made at once."""
YEAR = 365.25
WEEK = 7


@dataclass(frozen=True)
class Features:
    """Prophet's feature columns on consecutive days.

    Attributes:
        values: shape (K, n_days).
        components: "yearly", "weekly" or "holidays", one per column.
        prior_scales: standard deviation of each coefficient's prior, shape (K,).
    """

    values: Floats
    components: tuple[str, ...]
    prior_scales: Floats

    @cached_property
    def scaled(self) -> Floats:
        """The columns times their prior scales, so that every coefficient's prior is N(0, 1)."""
        return self.values * self.prior_scales[:, None]

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Where a column is not zero, shape (K, n_days)."""
        seen: NDArray[np.bool_] = self.values != 0.0
        return seen


def stock_prophet(spec: ProphetSpec, **overrides: Any) -> "Prophet":  # noqa: ANN401 - Prophet's own settings
    """An unfitted `prophet.Prophet` with the same settings."""
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


@lru_cache(maxsize=8)
def stock_features(spec: ProphetSpec, first: date, n_days: int) -> Features:
    """Prophet's own feature columns on consecutive days, as if every seasonality that is not off were on.

    Read only: the last few are kept, for holidays take Prophet tens of milliseconds. Ask for history and AHEAD days
    together, so that a fit and its forecast share them.
    """
    import pandas as pd  # noqa: PLC0415 - see above
    from prophet import Prophet  # noqa: PLC0415 - see above

    dates = pd.Series(pd.date_range(first, periods=n_days))
    tables = [
        (name, Prophet.fourier_series(dates, period, order), [spec.seasonality_prior_scale] * 2 * order)
        for name, asked, period, order in (("yearly", spec.yearly, YEAR, 10), ("weekly", spec.weekly, WEEK, 3))
        if asked
    ]
    if spec.holidays:
        stock = stock_prophet(spec)
        table, scales, _ = stock.make_holiday_features(dates, stock.construct_holiday_dataframe(dates))
        tables.append(("holidays", table.to_numpy(np.float64), scales))
    if not tables:
        return Features(np.empty((0, n_days)), (), np.empty(0))
    values = np.ascontiguousarray(np.concatenate([values for _, values, _ in tables], axis=1).T)
    values.flags.writeable = False
    return Features(
        values=values,
        components=tuple(name for name, values, _ in tables for _ in range(values.shape[1])),
        prior_scales=np.concatenate([scales for _, _, scales in tables]),
    )


def fitted_stock_prophet(spec: ProphetSpec, *, start: date, history: Floats, params: dict[str, Floats]) -> "Prophet":
    """A stock Prophet that has been told this history and these parameters instead of being fitted.

    Args:
        spec: the settings.
        start: first day of the history.
        history: observed values, NaN where missing, shape (n_days,).
        params: k, m, delta, beta, sigma_obs, one-dimensional, on Prophet's scales; `beta` has one coefficient per
            column of `stock_features`, `delta` at least one place per changepoint.

    Raises:
        ValueError: fewer than two observed days, which Prophet refuses.
    """
    import pandas as pd  # noqa: PLC0415 - see above

    stock = stock_prophet(spec)
    stock.preprocess(pd.DataFrame({"ds": pd.date_range(start, periods=len(history)), "y": history}))
    own = _own_shapes(stock, params, components=stock_features(spec, start, len(history) + AHEAD).components)
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
