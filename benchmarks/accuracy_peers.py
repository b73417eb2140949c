"""What others would forecast: each peer takes a table of histories and gives back a table of daily paths."""

import logging
import warnings
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Peer = Callable[[Floats, date], Floats]
DAYS = 90


def seasonal_naive(history: Floats, first: date) -> Floats:  # noqa: ARG001 - every peer is asked alike
    """The last week again and again."""
    return np.tile(history[:, -7:], (1, DAYS // 7 + 1))[:, :DAYS]


def mean_56(history: Floats, first: date) -> Floats:  # noqa: ARG001 - every peer is asked alike
    """The mean of the last eight weeks, every day."""
    return np.repeat(history[:, -56:].mean(axis=1, keepdims=True), DAYS, axis=1)


def stock_prophet(history: Floats, first: date) -> Floats:
    """Prophet as it comes, one fit a series, negative days floored at zero."""
    from prophet import Prophet  # noqa: PLC0415 - a slow import that only this peer needs

    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    logging.getLogger("prophet").setLevel(logging.ERROR)
    days = pl.Series([first + timedelta(days=day) for day in range(history.shape[1] + DAYS)])
    paths = []
    for row in history:
        start = int(np.argmax(row > 0))
        seen = pl.DataFrame({"ds": days[start : len(row)], "y": row[start:]}).to_pandas()
        if len(seen) < 2 or seen["y"].min() == seen["y"].max():
            paths.append(np.full(DAYS, row[start:].mean() if len(row) else 0.0))
            continue
        model = Prophet(uncertainty_samples=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(seen)
            said = model.predict(pl.DataFrame({"ds": days[len(row) :]}).to_pandas())
        paths.append(np.maximum(said["yhat"].to_numpy(), 0))
    return np.array(paths)


def auto_ets(history: Floats, first: date) -> Floats:
    """Statsforecast's AutoETS with a week's season."""
    from statsforecast.models import AutoETS  # noqa: PLC0415 - a slow import that only this peer needs

    return _statsforecast(AutoETS(season_length=7), history, first)


def dynamic_theta(history: Floats, first: date) -> Floats:
    """Statsforecast's DynamicOptimizedTheta with a week's season."""
    from statsforecast.models import DynamicOptimizedTheta  # noqa: PLC0415 - a slow import

    return _statsforecast(DynamicOptimizedTheta(season_length=7), history, first)


def global_lightgbm(history: Floats, first: date) -> Floats:
    """One LightGBM (Tweedie) over all series by mlforecast: lags, rolling means, weekday."""
    import lightgbm as lgb  # noqa: PLC0415 - peers only
    from mlforecast import MLForecast  # noqa: PLC0415 - peers only
    from mlforecast.lag_transforms import RollingMean  # noqa: PLC0415 - peers only

    model = lgb.LGBMRegressor(
        objective="tweedie", n_estimators=200, learning_rate=0.05, num_leaves=31, verbose=-1, n_jobs=1, random_state=0
    )
    forecaster = MLForecast(
        models={"lgb": model},
        freq="D",
        lags=[1, 7, 14, 28],
        lag_transforms={1: [RollingMean(7), RollingMean(28), RollingMean(56)], 7: [RollingMean(28)]},
        date_features=["dayofweek", "day"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecaster.fit(long_table(history, first).to_pandas(), static_features=[])
        said = forecaster.predict(DAYS)
    return np.maximum(_wide(pl.from_pandas(said.reset_index(drop=True)), "lgb", series=len(history)), 0)


PEERS: dict[str, Peer] = {
    "seasonal_naive": seasonal_naive,
    "mean_56": mean_56,
    "prophet": stock_prophet,
    "auto_ets": auto_ets,
    "dynamic_theta": dynamic_theta,
    "lightgbm": global_lightgbm,
}


def _statsforecast(model: object, history: Floats, first: date) -> Floats:
    from statsforecast import StatsForecast  # noqa: PLC0415 - a slow import
    from statsforecast.models import HistoricAverage  # noqa: PLC0415 - a slow import

    runner = StatsForecast(models=[model], freq="D", n_jobs=1, fallback_model=HistoricAverage())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = runner.forecast(h=DAYS, df=long_table(history, first).to_pandas())
    assert not isinstance(said, pl.DataFrame)  # given pandas, it answers pandas
    frame = pl.from_pandas(said.reset_index())
    column = next(name for name in frame.columns if name not in ("unique_id", "ds", "index"))
    return np.maximum(np.nan_to_num(_wide(frame, column, series=len(history))), 0)


def long_table(history: Floats, first: date) -> pl.DataFrame:
    """One row a series and day, from each series' first sale on."""
    series, days = history.shape
    begun = np.logical_or.accumulate(history > 0, axis=1)
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(series), days),
            "ds": np.tile(np.datetime64(first, "us") + np.arange(days).astype("timedelta64[D]"), series),
            "y": history.ravel(),
            "begun": begun.ravel(),
        }
    )
    return frame.filter("begun").drop("begun")


def _wide(frame: pl.DataFrame, column: str, *, series: int) -> Floats:
    ordered = frame.sort("unique_id", "ds")
    known = ordered["unique_id"].unique().sort().to_numpy()
    wide = np.zeros((series, DAYS))
    wide[known] = ordered[column].to_numpy().reshape(len(known), DAYS)
    return wide
