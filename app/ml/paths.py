"""From how much a series sells to on which day: shapes, daily paths, ranges of days."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import DAYS_AHEAD, HORIZONS
from app.ml.evidence import PROFILE_DAYS
from app.ml.history import History
from app.ml.openings import open_share_ahead, open_share_behind
from app.ml.ranges import Calibration, calibrated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PROFILE_PRIOR = 30.0  # units of the pooled weekday profile that a series' own is mixed with
FIRST_DAYS = HORIZONS[0]  # days of each fold from which ranges of days are learned


def weekday_shape(units: Floats, *, history: History, origin: int) -> Floats:
    """Share of its units that each series sells on each of the days after `origin`, up to a factor, (series, days).

    A weekday that was open on some of its days sold on those alone: what it sells when open is more than its mean.

    Args:
        units: sold by weekday over the last PROFILE_DAYS, Monday first, (7, series).
        history: gives the weekday of each day ahead, and which of them the shop opens.
        origin: number of days seen.
    """
    pooled = units.sum(axis=1, keepdims=True)
    pooled = (pooled + 1) / (pooled.sum() + 7)
    shares = (units + PROFILE_PRIOR * pooled) / (units.sum(axis=0) + PROFILE_PRIOR)
    opened = open_share_behind(history, origin=origin, days=PROFILE_DAYS)
    when_open = shares / np.where(opened > 0, opened, 1)[:, None]
    weekday = (history.weekday_of_day_0 + origin + np.arange(DAYS_AHEAD)) % 7
    return np.asarray(when_open.T[:, weekday] * open_share_ahead(history, origin=origin))


def daily_paths(totals: Floats, shape: Floats) -> Floats:
    """Units a day, (series, days), that follow the shape and sum to the totals at each horizon.

    Args:
        totals: units of the next 30, 60, 90 days, (horizons, series).
        shape: (series, days).
    """
    path = np.empty_like(shape)
    before = np.zeros(len(shape))
    for start, end, total in zip((0, *HORIZONS[:-1]), HORIZONS, totals, strict=True):
        part = shape[:, start:end]
        path[:, start:end] = part * ((total - before) / np.maximum(part.sum(axis=1), 1e-12))[:, None]
        before = total
    return path


def calibrated_days(served: Floats, shapes: Sequence[Floats], *, units: Floats, origins: Ints) -> Calibration:
    """Quantiles of a day's sales over its forecast, from the first days of every fold.

    Args:
        served: totals at each origin, (origins, horizons, series).
        shapes: at each origin, (series, days).
        units: that sold, (days, series).
        origins: number of days seen.
    """
    said, sold = [np.zeros(0)], [np.zeros(0)]
    for totals, shape, origin in zip(served, shapes, origins, strict=True):
        if origin + FIRST_DAYS <= len(units):
            path = daily_paths(totals, shape)[:, :FIRST_DAYS]
            known = path > 0
            said.append(path[known])
            sold.append(units[origin : origin + FIRST_DAYS].T[known])
    return calibrated(np.concatenate(said), np.concatenate(sold))
