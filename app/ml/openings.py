"""Which of the days ahead the shop will be open."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import DAYS_AHEAD, HORIZONS
from app.domain.states import State
from app.ml.calendar import public_holidays
from app.ml.history import History

HABIT = 56  # days that tell which weekdays are open now

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def open_ahead(history: History, *, origin: int) -> Flags:
    """Whether the shop opens on each of the DAYS_AHEAD days after `origin`, told from the days before it.

    A weekday that was closed all through the last HABIT days stays closed, and so does a holiday on which the shop was
    closed every time so far.
    """
    weekday = (np.arange(history.n_days + DAYS_AHEAD) + history.weekday_of_day_0) % 7
    recent = slice(max(origin - HABIT, 0), origin)
    opened = np.bincount(weekday[recent], weights=history.open_days[recent], minlength=7)
    known = np.bincount(weekday[recent], minlength=7)
    closed = (opened == 0) & (known >= HABIT // 14) & (opened.sum() > 0)
    ahead = np.arange(origin, origin + DAYS_AHEAD)
    return np.asarray(~(closed[weekday[ahead]] | _closed_holidays(history, origin=origin, ahead=ahead)))


def open_days_ahead(history: History, *, origins: Ints) -> Floats:
    """Number of open days in the next 30, 60 and 90 days, (origins, horizons)."""
    opened = [open_ahead(history, origin=origin) for origin in origins]
    return np.array([[days[:horizon].sum() for horizon in HORIZONS] for days in opened], dtype=np.float64)


def _closed_holidays(history: History, *, origin: int, ahead: Ints) -> Flags:
    """Days ahead that are a holiday of which no day so far was open."""
    by_day = _holidays_by_day(history.first, history.n_days, history.state)
    opened = {name for day, name in by_day.items() if day < origin and history.open_days[day]}
    seen = {name for day, name in by_day.items() if day < origin}
    return np.array([by_day.get(int(day)) in seen - opened for day in ahead])


@lru_cache(maxsize=8)
def _holidays_by_day(first: date, n_days: int, state: State | None) -> Mapping[int, str]:
    """Names of the national and the state's holidays from day 0 to the last day ahead, by the number of their day."""
    last = first + timedelta(days=n_days + DAYS_AHEAD)
    named = [day for year in range(first.year, last.year + 1) for day in public_holidays(year, state=state).items()]
    return {(day - first).days: name for day, name in named if first <= day <= last}
