"""How likely the shop is open on each of the days ahead.

Models speak of units per open day, so a forecast needs the number of open days to come. A weekday counts as open by
its share: a shop open on one Sunday of eight before Christmas is not open on all that follow, and a distributor that
delivers on some days is open on as many of them as lately.

    x x . x . x x x     one weekday, eight weeks: 6 of 8, each of the next ones counts as 0.75 of an open day
    x x x . . . . .     it changed for good: closed
    . . . . x x x x     it changed for good: open
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import DAYS_AHEAD, HORIZONS
from app.domain.states import State
from app.ml.calendar import public_holidays
from app.ml.history import MOST_CERTAIN, SURPRISING, History, in_runs

HABIT = 56  # days that tell which weekdays are open now
OFTEN_SEEN = 4  # times from which a weekday is told by its own days alone
FEW_CLOSURES = 2  # in the last HABIT days; with more of them the shop opens otherwise than it did
FOR_GOOD = 4  # times in a row from which a weekday that was always otherwise before has changed
UNLIKELY = 0.1  # chance that a holiday was closed every time by its weekdays alone, under which it is closed itself
WEEK = 7
YEAR = 365  # days that tell how often a shop is usually open

OPEN_AS_FORESEEN = 0.8  # share of the foreseen open days on which a shop must have been open for a fold to count
CERTAIN = 2.0  # standard deviations of their number that an irregular shop is given besides

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Ahead(NamedTuple):
    """What each origin foresees of the shop's opening.

    Attributes:
        days: expected number of open days in the next 30, 60 and 90, (origins, horizons).
        fewest: open days under which something happened that nobody could foresee, same shape.
        weekdays: share of each weekday that is open, from the weekday of day 0 on, (origins, 7).
    """

    days: Floats
    fewest: Floats
    weekdays: Floats


def open_ahead(history: History, *, origin: int) -> Flags:
    """Whether the shop may open on each of the DAYS_AHEAD days after `origin`, told from the days before it.

    A weekday that has been closed lately stays closed, and so does a holiday on which the shop was closed every time so
    far.
    """
    return open_share_ahead(history, origin=origin) > 0


def open_share_ahead(history: History, *, origin: int) -> Floats:
    """Open days, from 0 to 1, that each of the DAYS_AHEAD days after `origin` counts as."""
    ahead = np.arange(origin, origin + DAYS_AHEAD)
    share = open_weekdays(history, origin=origin)[ahead % WEEK]
    return np.where(_closed_holidays(history, origin=origin, ahead=ahead), 0.0, share)


def open_days_ahead(history: History, *, origins: Ints) -> Ahead:
    """What is foreseen at each origin."""
    share = np.stack([open_share_ahead(history, origin=int(origin)) for origin in origins])
    days, spread = (_sums(entries) for entries in (share, share * (1 - share)))
    return Ahead(
        days=days,
        fewest=OPEN_AS_FORESEEN * days - CERTAIN * np.sqrt(spread),
        weekdays=np.stack([open_weekdays(history, origin=int(origin)) for origin in origins]),
    )


def open_weekdays(history: History, *, origin: int) -> Floats:
    """Share of each weekday on which the shop opens, from the weekday of day 0 on, (7,).

    Of the last HABIT days. Unlikely closures are passed over, for they are no habit of any weekday, and so are
    holidays, which have their own. A weekday seen seldom is told by all days too, so that a young shop's open days are
    as many as they were.
    """
    habit = _habit(history, origin=origin)
    opened = history.open_days[habit]
    overall = float(opened.mean()) if len(habit) else 1.0
    return np.array([_share(opened[habit % WEEK == weekday], overall=overall) for weekday in range(WEEK)])


def open_share_behind(history: History, *, origin: int, days: int) -> Floats:
    """Share of each weekday's days on which the shop was open, of the last `days` before `origin`, Monday first, (7,).

    Zero where there was no such day.
    """
    seen = np.arange(max(origin - days, 0), origin)
    weekday = (seen + history.weekday_of_day_0) % WEEK
    opened = np.bincount(weekday, weights=history.open_days[seen], minlength=WEEK)
    return np.asarray(opened / np.maximum(np.bincount(weekday, minlength=WEEK), 1))


def _share(opened: Flags, *, overall: float) -> float:
    """Of one weekday's days, oldest first."""
    if len(opened) == 0:
        return overall
    since = _since_last_change(opened)
    own = opened[-since:] if since >= FOR_GOOD and not (opened[:-since] == opened[-1]).any() else opened
    weight = min(len(opened) / OFTEN_SEEN, 1)
    return weight * float(own.mean()) + (1 - weight) * overall


def _since_last_change(flags: Flags) -> int:
    """How many of the last entries are alike."""
    other = np.flatnonzero(flags != flags[-1])
    return len(flags) - 1 - int(other[-1]) if len(other) else len(flags)


def _habit(history: History, *, origin: int) -> Ints:
    """The last HABIT days that tell something of weekdays; more where the shop was open on none of them."""
    holidays = np.array([day for day in _holidays_of(history) if day < origin], dtype=np.int64)
    telling = ~_closures(history.open_days[:origin])
    telling[holidays] = False
    days = np.flatnonzero(telling)
    return days[-HABIT:] if history.open_days[days[-HABIT:]].any() else days


def _closures(opened: Flags) -> Flags:
    """Days in a run without opening that is too unlikely at the shop's rhythm, unless such runs have become its rhythm.

    Three weeks of holidays say nothing of Tuesdays. Two weeks between the deliveries of a distributor do.
    """
    closed = in_runs(~opened, at_least=_surprise(opened), total=-np.log(SURPRISING))
    begun = np.flatnonzero(np.diff(closed.astype(np.int8), prepend=0) == 1)
    lately = begun >= len(opened) - HABIT
    return closed if lately.sum() <= FEW_CLOSURES else np.zeros(len(opened), dtype=bool)


def _surprise(opened: Flags) -> Floats:
    """Minus the log chance of each day's being closed, told from how often its weekday was open in the last YEAR."""
    weekday = np.arange(len(opened)) % WEEK
    usual = slice(max(len(opened) - YEAR, 0), len(opened))
    times = np.bincount(weekday[usual], minlength=WEEK)
    share = np.bincount(weekday[usual], weights=opened[usual], minlength=WEEK) / np.maximum(times, 1)
    return np.asarray(-np.log1p(-np.minimum(share, MOST_CERTAIN))[weekday])


def _sums(days: Floats) -> Floats:
    """Over the horizons, (origins, horizons)."""
    return np.stack([days[:, :horizon].sum(axis=1) for horizon in HORIZONS], axis=1)


def _closed_holidays(history: History, *, origin: int, ahead: Ints) -> Flags:
    """Days ahead that are a holiday of which no day so far was open, unless its weekdays tell why.

    A Christmas on a Sunday says nothing of one on a Monday where Sundays are closed anyhow.
    """
    by_day = _holidays_of(history)
    surprise = _surprise(history.open_days[:origin])
    closed: dict[str, float] = {}
    for day, name in by_day.items():
        if day < origin:
            closed[name] = closed.get(name, 0.0) + (-np.inf if history.open_days[day] else surprise[day])
    kept = {name for name, surprising in closed.items() if surprising >= -np.log(UNLIKELY)}
    return np.array([by_day.get(int(day)) in kept for day in ahead])


def _holidays_of(history: History) -> Mapping[int, str]:
    return _holidays_by_day(history.first, history.n_days, history.state)


@lru_cache(maxsize=8)
def _holidays_by_day(first: date, n_days: int, state: State | None) -> Mapping[int, str]:
    """Names of the national and the state's holidays from day 0 to the last day ahead, by the number of their day."""
    last = first + timedelta(days=n_days + DAYS_AHEAD)
    named = [day for year in range(first.year, last.year + 1) for day in public_holidays(year, state=state).items()]
    return {(day - first).days: name for day, name in named if first <= day <= last}
