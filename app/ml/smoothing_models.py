"""Light models of intermittent demand, for every series and every origin in one pass over the days.

A model answers one question: how many units a day, on days the shop is open, from this origin on. On which days they
fall is the weekday profile's matter. Arrays are laid out (days, series): one day is contiguous, so each step of a
recursion is one vector operation over all series, and its state at any origin is read on the way.

Every series begins on the day of its first sale; a day on which it could not sell (shop closed, suspected stock-out)
changes nothing. Where the books guess a first level, these start as the plain mean of what was seen: the gain is
max(alpha, 1/k) on the k-th step, and from step 1/alpha on the recursion is the textbook's.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WEEK = 7


class Sold(NamedTuple):
    """Units, and whether each series could sell, both (days, series)."""

    units: Floats
    sellable: Flags


class Recursion(Protocol):
    """A model that learns day by day."""

    def advance(self, units: Floats, sellable: Flags) -> None:
        """See one more day."""

    def rate(self, weekdays: Floats, /) -> Floats:
        """Units an open day from now on, one a series.

        Args:
            weekdays: share of each day of the week that will be open, from the first day's own on.
        """


def rates(
    sold: Sold, recursions: Mapping[str, Recursion], *, origins: Ints, weekdays: Floats | None = None
) -> dict[str, Floats]:
    """What each model says at each origin (number of days seen), by name, (origins, series).

    Args:
        sold: what is learned from.
        recursions: fresh ones, by name.
        origins: numbers of days seen.
        weekdays: share of each day of the week that will be open, from the first day's own on, (origins, 7); all if
            None.
    """
    open_share = np.ones((len(origins), WEEK)) if weekdays is None else weekdays
    said = {name: np.zeros((len(origins), sold.units.shape[1])) for name in recursions}
    place = {int(origin): row for row, origin in enumerate(origins)}
    for day in range(int(max(origins))):
        for name, recursion in recursions.items():
            recursion.advance(sold.units[day], sold.sellable[day])
            if day + 1 in place:
                row = place[day + 1]
                said[name][row] = recursion.rate(open_share[row])
    return said


def _gain(seen: Floats, alpha: float) -> Floats:
    """Weight of the newest observation."""
    return np.maximum(alpha, 1 / np.maximum(seen, 1))


class Smoothing:
    """Simple exponential smoothing (Brown, 1956)."""

    def __init__(self, series: int, *, alpha: float) -> None:
        self._alpha = alpha
        self._level, self._seen = np.zeros(series), np.zeros(series)

    def advance(self, units: Floats, sellable: Flags) -> None:
        """See one more day."""
        self._seen += sellable
        self._level += sellable * _gain(self._seen, self._alpha) * (units - self._level)

    def rate(self, _: Floats, /) -> Floats:
        """The level."""
        return self._level


class SeasonalSmoothing:
    """One exponential smoothing a weekday; their mean is the rate, each by how often it will be open."""

    def __init__(self, series: int, *, alpha: float) -> None:
        self._weekdays = [Smoothing(series, alpha=alpha) for _ in range(WEEK)]
        self._begun = np.zeros((WEEK, series))
        self._today = 0

    def advance(self, units: Floats, sellable: Flags) -> None:
        """See one more day."""
        self._weekdays[self._today].advance(units, sellable)
        self._begun[self._today] += sellable
        self._today = (self._today + 1) % len(self._weekdays)

    def rate(self, weekdays: Floats, /) -> Floats:
        """Mean of the weekdays seen so far, weighed by their shares; plain where none of these will be open."""
        seen = self._begun > 0
        weights = weekdays[:, None] * seen
        weights = np.where(weights.any(axis=0), weights, seen)
        levels = np.stack([weekday.rate(weekdays) for weekday in self._weekdays])
        return np.asarray((levels * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-12))


class Tsb:
    """Chance of a sale times its size, each smoothed, so that what stops fades (Teunter, Syntetos & Babai, 2011)."""

    def __init__(self, series: int, *, alpha_size: float, alpha_chance: float) -> None:
        self._chance = Smoothing(series, alpha=alpha_chance)
        self._size = Smoothing(series, alpha=alpha_size)

    def advance(self, units: Floats, sellable: Flags) -> None:
        """See one more day."""
        sale = units > 0
        self._chance.advance(sale.astype(np.float64), sellable)
        self._size.advance(units, sellable & sale)

    def rate(self, weekdays: Floats, /) -> Floats:
        """Expected units."""
        return self._chance.rate(weekdays) * self._size.rate(weekdays)
