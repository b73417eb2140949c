"""How wrong a forecast was: pure functions of what sold and what was forecast.

Every function takes arrays of the same shape, whatever the shape, and returns one number, lower being better unless
said. A figure that is not defined for its input (nothing sold, no row) is NaN, never a made-up zero.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def wape(actual: Numbers, forecast: Numbers) -> float:
    """Sum of absolute errors over the sum of what sold (Kolassa & Schütz, Foresight 6, 2007: MAD/mean ratio)."""
    return _ratio(np.abs(actual - forecast).sum(), np.abs(actual).sum())


def mape(actual: Numbers, forecast: Numbers) -> float:
    """Mean absolute error relative to what sold, over the entries where something sold.

    A relative error of zero sales does not exist, so those entries are left out: beside it `wape` counts them all
    (Hyndman & Koehler, International Journal of Forecasting 22(4), 2006, section 2.2).
    """
    sold = actual > 0
    return _mean(np.abs(actual[sold] - forecast[sold]) / actual[sold])


def rmse(actual: Numbers, forecast: Numbers) -> float:
    """Root mean squared error, in units."""
    return float(np.sqrt(_mean(np.square(actual - forecast))))


def bias(actual: Numbers, forecast: Numbers) -> float:
    """Forecast over actual, less one: +0.10 says ten per cent too much. Nearer to zero is better."""
    return _ratio((forecast - actual).sum(), actual.sum())


def rmsse(actual: Numbers, forecast: Numbers, *, scale: Numbers) -> float:
    """Root mean squared scaled error (M5 competition guide, 2020), averaged over series.

    Args:
        actual: one entry, or one row of entries, a series.
        forecast: same shape.
        scale: the mean squared error of the naive method inside each series' history, one a series, from
            `naive_scale`; series with a scale of zero or NaN are left out.
    """
    squared = np.square(actual - forecast).reshape(len(scale), -1).mean(axis=1)
    scaled = scale > 0
    return _mean(np.sqrt(squared[scaled] / scale[scaled]))


def naive_scale(history: Numbers, *, season: int = 1) -> Numbers:
    """Mean squared step of each row of `history` (series, steps) from its value one season before."""
    if history.shape[1] <= season:
        return np.full(len(history), np.nan)
    steps = history[:, season:] - history[:, :-season]
    counts = np.isfinite(steps).sum(axis=1)
    return np.where(counts > 0, np.nansum(np.square(steps), axis=1) / np.maximum(counts, 1), np.nan)


def coverage(actual: Numbers, low: Numbers, high: Numbers) -> float:
    """Share of entries inside their range, ends included. Nearest to the promised share is best."""
    return _mean(((actual >= low) & (actual <= high)).astype(np.float64))


def pinball(actual: Numbers, forecast: Numbers, *, quantile: float) -> float:
    """Mean quantile loss (Koenker & Bassett, Econometrica 46(1), 1978), in units."""
    over = actual - forecast
    return _mean(np.maximum(quantile * over, (quantile - 1) * over))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _mean(entries: Numbers) -> float:
    return float(entries.mean()) if entries.size else float("nan")
