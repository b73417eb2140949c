"""The columns by which Prophet sees a calendar: waves of the year and the week, and days that are holidays.

The same numbers, to the last bit and in the same order, as the `prophet` library makes (tests hold them side by side),
without the library: it brings pandas, Matplotlib and a Stan program, takes a second to import, and this is all that a
forecast needs of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.spec import ProphetSpec

Floats = NDArray[np.float64]

AHEAD = 366
"""Days beyond the history for which features are made at once."""
EPOCH = date(1970, 1, 1)
YEAR, YEARLY_ORDER = 365.25, 10
WEEK, WEEKLY_ORDER = 7, 3


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


@lru_cache(maxsize=8)
def prophet_features(spec: ProphetSpec, first: date, n_days: int) -> Features:
    """Prophet's feature columns on consecutive days, as if every seasonality that is not off were on.

    Read only, the last few are kept. Ask for history and AHEAD days together, so that a fit and its forecast share
    them.
    """
    parts = list(_parts(spec, first, n_days))
    values = np.concatenate([np.empty((0, n_days)), *(columns for _, columns, _ in parts)])
    values.flags.writeable = False
    return Features(
        values=values,
        components=tuple(name for name, columns, _ in parts for _ in columns),
        prior_scales=np.concatenate([np.empty(0), *(np.full(len(columns), scale) for _, columns, scale in parts)]),
    )


def _parts(spec: ProphetSpec, first: date, n_days: int) -> Iterator[tuple[str, Floats, float]]:
    """Each component's columns, and the prior scale that they share."""
    if spec.yearly:
        yield "yearly", _waves(first, n_days, period=YEAR, order=YEARLY_ORDER), spec.seasonality_prior_scale
    if spec.weekly:
        yield "weekly", _waves(first, n_days, period=WEEK, order=WEEKLY_ORDER), spec.seasonality_prior_scale
    if spec.holidays:
        yield "holidays", _holidays(spec, first, n_days), spec.holidays_prior_scale


def _waves(first: date, n_days: int, *, period: float, order: int) -> Floats:
    """Sine and cosine of each harmonic in turn; time is counted from 1970, shape (2 * order, n_days)."""
    turns = np.pi * 2 * ((first - EPOCH).days + np.arange(n_days, dtype=np.float64))
    angles = (harmonic / period * turns for harmonic in range(1, order + 1))
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)])


def _holidays(spec: ProphetSpec, first: date, n_days: int) -> Floats:
    """A column for each day of a holiday's window, one where it falls; in the order of Prophet's names for them."""
    columns: dict[str, Floats] = {}
    for holiday in spec.holidays:
        for offset in range(holiday.lower_window, holiday.upper_window + 1):
            name = f"{holiday.name}_delim_{'+' if offset >= 0 else '-'}{abs(offset)}"
            column = columns.setdefault(name, np.zeros(n_days))
            place = (holiday.day + timedelta(days=offset) - first).days
            if 0 <= place < n_days:
                column[place] = 1.0
    return np.stack([columns[name] for name in sorted(columns)])
