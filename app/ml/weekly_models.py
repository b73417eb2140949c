"""Smoothing of weeks for sums over many products, where the gain is averaged rather than chosen.

A company that grows wants a fast gain, one that only fluctuates a slow one, and one short history cannot tell which.
So every gain runs, and each counts by how well it has foreseen months so far: weight = (its error / the best's)^-2.
Weeks end at the origin; what a week sold is taken per open day, so that a closure is neither a fall nor a zero.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import DAYS_AHEAD, HORIZONS
from app.ml.history import History
from app.ml.openings import open_share_ahead

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WEEK = 7
FEWEST_OPEN = 2  # days from which a week is known
SEEN = 4  # known weeks before a forecast counts
MONTH = 4  # weeks that a gain is asked to foresee
GAINS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75)
SLOPE_GAINS = (0.02, 0.1, 0.3)  # of the level's gain
DAMPING = 0.9  # of the slope, week by week (Gardner & McKenzie, Management Science 31, 1985)
WEEKS_AHEAD = -(-DAYS_AHEAD // WEEK)


class Weeks(NamedTuple):
    """Units per open day, and whether that is known, both (weeks, series), oldest first."""

    rate: Floats
    known: Flags


class Grid(NamedTuple):
    """Gains of the level and of the slope, (gains,) each, and how much of a slope is left a week later."""

    level: Floats
    slope: Floats
    damping: float


LEVEL = Grid(np.array(GAINS), np.zeros(len(GAINS)), 0.0)
DAMPED = Grid(np.repeat(GAINS, len(SLOPE_GAINS)), np.outer(GAINS, SLOPE_GAINS).ravel(), DAMPING)
GRIDS = {"weekly_level": LEVEL, "weekly_damped": DAMPED}


def weekly_totals(units: Floats, *, history: History, origin: int) -> dict[str, Floats]:
    """Units in the 30, 60 and 90 days after `origin` by model, (horizons, series) each.

    Args:
        units: (days, series).
        history: the calendar that the rows of `units` lie on.
        origin: number of days that may be seen.
    """
    weeks = weeks_before(units[:origin], open_days=history.open_days[:origin])
    opened = open_share_ahead(history, origin=origin)
    week = np.arange(DAYS_AHEAD) // WEEK
    days = np.stack([np.bincount(week[:h], weights=opened[:h], minlength=WEEKS_AHEAD) for h in HORIZONS])
    return {name: days @ smoothed(weeks, grid) for name, grid in GRIDS.items()}


def weeks_before(units: Floats, *, open_days: Flags) -> Weeks:
    """Weeks up to the last day, the first one perhaps of fewer days, from each series' first sale on."""
    ends = np.arange(len(units), 0, -WEEK)[::-1]
    starts = np.maximum(ends - WEEK, 0)
    sums, opened = np.add.reduceat(units, starts), np.add.reduceat(open_days.astype(np.int64), starts)
    begun = np.logical_or.accumulate(sums > 0, axis=0)
    enough = opened >= min(FEWEST_OPEN, opened.max())
    return Weeks(sums / np.maximum(opened, 1)[:, None], begun & enough[:, None])


def smoothed(weeks: Weeks, grid: Grid) -> Floats:
    """Units per open day in each of the weeks ahead, (WEEKS_AHEAD, series): every gain's path, weighed by its record.

    Damped-trend exponential smoothing in its error-correction form (Hyndman, Koehler, Ord & Snyder, Forecasting with
    Exponential Smoothing, 2008, section 2.3); while a series is young its gain is 1 / weeks seen.
    """
    gain, slope_gain = grid.level[:, None], grid.slope[:, None]
    level, slope, error = (np.zeros((len(gain), weeks.rate.shape[1])) for _ in range(3))
    reach = _reach(grid.damping, weeks=MONTH).mean()
    seen = np.zeros(weeks.rate.shape[1])
    for week, (rate, known) in enumerate(zip(*weeks, strict=True)):
        month = slice(week, week + MONTH)
        if week + MONTH <= len(weeks.rate):
            counts = weeks.known[month].all(axis=0) & (seen >= SEEN)
            error += counts * np.square(np.maximum(level + reach * slope, 0) - weeks.rate[month].mean(axis=0))
        seen += known
        foreseen = level + grid.damping * slope
        missed = (rate - foreseen) * known
        slope = np.where(known, grid.damping * slope + slope_gain * missed * (seen > SEEN // 2), slope)
        level = np.where(known, foreseen, level) + np.maximum(gain, 1 / np.maximum(seen, 1)) * missed
    paths = np.maximum(level + _reach(grid.damping, weeks=WEEKS_AHEAD)[:, None, None] * slope, 0)
    return np.asarray((paths * _records(error)).sum(axis=1))


def _reach(damping: float, *, weeks: int) -> Floats:
    """How many times its first step a damped slope has gone after each week."""
    return np.cumsum(damping ** np.arange(1, weeks + 1))


def _records(error: Floats) -> Floats:
    """Weights of the gains, (gains, series), that sum to one; equal where nothing is known of them."""
    weight = np.square((error.min(axis=0) + 1e-12) / (error + 1e-12))
    return np.asarray(weight / weight.sum(axis=0))
