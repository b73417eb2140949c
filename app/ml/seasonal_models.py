"""Models of a year's shape for the company and its categories: Prophet in a few settings, and last year again.

They answer with a daily path. Products are too sparse for a year of their own; they take it from here, as an outlook.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import DAYS_AHEAD
from app.ml.calendar import special_days
from app.ml.history import History
from app.ml.openings import open_share_ahead
from app.ml.prophet_model import HolidayDate, ProphetSpec, fit, holiday_dates

Floats = NDArray[np.float64]

TWO_WEEKS = 14
MORE_THAN_A_YEAR = 400  # days before a yearly pattern can be told from a trend, on sums over many products
PROPHETS_OWN_RULE = 730  # days from which Prophet itself trusts yearly seasonality
YEAR = 364  # days; a multiple of seven, so that weekdays meet themselves
RECENT = 56  # days over which this year is compared with the last


@dataclass(frozen=True)
class Setting:
    """One way to run Prophet: the days it needs, and what differs from Prophet's defaults."""

    days: int
    dates: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def spec(self, history: History, *, days: int) -> ProphetSpec:
        """The model's settings for the first `days` days of a history."""
        options = dict(self.options)
        if days < PROPHETS_OWN_RULE and options["yearly"]:
            options["seasonality_prior_scale"] = 0.5
        return ProphetSpec(weekly=True, holidays=_dates(history) if self.dates else (), **options)


CALM = 0.01  # changepoint prior a fifth of Prophet's own: a trend that bends less runs away less over 90 days
SETTINGS = {
    "prophet_yearly": Setting(MORE_THAN_A_YEAR, options={"yearly": True}),
    "prophet_yearly_calm": Setting(MORE_THAN_A_YEAR, options={"yearly": True, "changepoint_prior_scale": CALM}),
    "prophet_dates": Setting(
        MORE_THAN_A_YEAR,
        dates=True,
        options={"yearly": True, "changepoint_prior_scale": CALM, "holidays_prior_scale": 0.5},
    ),
}
WITHOUT_A_YEAR = Setting(TWO_WEEKS, options={"yearly": False, "changepoint_prior_scale": CALM})
LAST_YEAR = "last_year"
PARTS = ("trend", "weekly", "yearly", "holidays")


def seasonal_paths(units: Floats, *, history: History, origin: int) -> dict[str, Floats]:
    """Daily paths (series, DAYS_AHEAD) after `origin` by every model that has enough days behind it.

    Nothing is sold on a day on which the shop is closed; on a day on which it may open, its share of an open day's.

    Args:
        units: (days, series).
        history: the calendar that the rows of `units` lie on.
        origin: number of days that may be seen.
    """
    seen = as_seen(units[:origin], history=history)
    opened = open_share_ahead(history, origin=origin)
    paths = {
        name: opened * _predicted(seen, history=history, spec=setting.spec(history, days=origin))
        for name, setting in SETTINGS.items()
        if origin >= setting.days
    }
    if origin >= YEAR + RECENT:
        paths[LAST_YEAR] = repeat_last_year(units[:origin]) * (opened > 0)  # its days and its growth hold the shares
    return paths


def _predicted(seen: Floats, *, history: History, spec: ProphetSpec) -> Floats:
    """Units on each day ahead, were it open, (series, DAYS_AHEAD)."""
    return fit(seen, start=history.first, spec=spec).predict(DAYS_AHEAD, floor=0.0)


def parts_ahead(units: Floats, *, history: History) -> dict[str, Floats]:
    """What each part adds to the days ahead: trend, weekly, yearly, holidays, in units, (series, DAYS_AHEAD) each.

    As the richest Prophet sees them that the history is long enough for; a part it does not have is zero.
    """
    richest = SETTINGS["prophet_dates"]
    setting = richest if history.n_days >= richest.days else WITHOUT_A_YEAR
    spec = setting.spec(history, days=history.n_days)
    parts = fit(as_seen(units, history=history), start=history.first, spec=spec).components(DAYS_AHEAD)
    nothing = np.zeros((units.shape[1], DAYS_AHEAD))
    return {part: parts.get(part, nothing) for part in PARTS}


def repeat_last_year(units: Floats) -> Floats:
    """The same days of last year, times how this year's last weeks compare with that year's; (series, DAYS_AHEAD).

    Args:
        units: (days, series), at least YEAR + RECENT days.
    """
    days = len(units)
    now = units[days - RECENT :].sum(axis=0)
    then = units[days - YEAR - RECENT : days - YEAR].sum(axis=0)
    growth = np.where(then > 0, now / np.maximum(then, 1e-12), 1.0)
    return np.asarray((units[days - YEAR : days - YEAR + DAYS_AHEAD] * np.clip(growth, 0.2, 5.0)).T)


def as_seen(units: Floats, *, history: History) -> Floats:
    """As the Prophet solver takes it: (series, days), NaN before the first sale and while the shop was closed."""
    begun = np.logical_or.accumulate(units > 0, axis=0)
    return np.where(begun & history.open_days[: len(units), None], units, np.nan).T


def _dates(history: History) -> tuple[HolidayDate, ...]:
    last = history.first + timedelta(days=history.n_days + DAYS_AHEAD)
    return holiday_dates(special_days(range(history.first.year, last.year + 1), state=history.state))
