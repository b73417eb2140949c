"""Which of the days ahead the shop will be open."""

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import DAYS_AHEAD, HORIZONS
from app.ml.history import History

HABIT = 56  # days that tell which weekdays are open now

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def open_ahead(history: History, *, origin: int) -> Flags:
    """Whether the shop opens on each of the DAYS_AHEAD days after `origin`, told from the days before it.

    A weekday that was closed all through the last HABIT open weeks stays closed.
    """
    weekday = (np.arange(history.n_days + DAYS_AHEAD) + history.weekday_of_day_0) % 7
    recent = slice(max(origin - HABIT, 0), origin)
    opened = np.bincount(weekday[recent], weights=history.open_days[recent], minlength=7)
    known = np.bincount(weekday[recent], minlength=7)
    closed = (opened == 0) & (known >= HABIT // 14) & (opened.sum() > 0)
    return np.asarray(~closed[weekday[origin : origin + DAYS_AHEAD]])


def open_days_ahead(history: History, *, origins: Ints) -> Floats:
    """Number of open days in the next 30, 60 and 90 days, (origins, horizons)."""
    return np.array(
        [[open_ahead(history, origin=origin)[:days].sum() for days in HORIZONS] for origin in origins], float
    )
