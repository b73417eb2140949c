"""What is known of every series at every origin: what each model says, and what then sold.

        x x x x x x x x x | y y y | y y y | y y y
                      origin    30      60      90      x: what the models may see   y: what they are asked

All origins of a series are answered in one pass over its days, which is what makes a backtest of every product cheap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import BASELINE, HORIZONS
from app.ml.history import History
from app.ml.openings import Ahead
from app.ml.smoothing_models import Recursion, SeasonalSmoothing, Smoothing, Sold, Tsb, rates
from app.ml.stockouts import Stockouts, suspected_stockouts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

STEP = 30  # days between origins
SEEN_BEFORE = 28  # days an origin must have behind it
WINDOWS = (28, 56, 112)  # days of the plain means
PROFILE_DAYS = 26 * 7  # days from which a weekday profile is taken


@dataclass(frozen=True)
class Evidence:
    """Arrays with an axis of origins first and of series last.

    Attributes:
        origins: number of days seen, ascending; the last one is the end of the history.
        totals: by model, units in the next 30, 60 and 90 days, (origins, horizons, series).
        weekdays: units sold on each weekday, from the calendar's own Monday on, (origins, 7, series).
        sold: units that really sold in the next 30, 60 and 90 days, NaN where not known, (origins, horizons, series).
        facts: by name, (origins, series).
        scale: mean squared step between neighbouring totals in the history, (horizons, series), for RMSSE.
    """

    origins: Ints
    totals: Mapping[str, Floats]
    weekdays: Floats
    sold: Floats
    facts: Mapping[str, Floats]
    scale: Floats

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, without what a shop gets without a system."""
        return tuple(name for name in self.totals if name != BASELINE)


def equal_average(evidence: Evidence) -> Floats:
    """Plain average of the models that do not abstain, (origins, horizons, series)."""
    said = np.zeros(evidence.sold.shape)
    speak = np.zeros(evidence.sold.shape)
    for name in evidence.models:
        known = np.isfinite(evidence.totals[name])
        said += np.where(known, evidence.totals[name], 0)
        speak += known
    return said / np.maximum(speak, 1)


def origins_of(n_days: int, *, most: int) -> Ints:
    """The end of the history and up to `most` origins before it, STEP days apart."""
    earliest = max(SEEN_BEFORE, n_days // 3)  # with much less behind it, an origin tells of another forecaster
    past = np.arange(n_days - STEP, earliest - 1, -STEP)[:most]
    return np.append(past[::-1], n_days)


def gathered(parts: Iterable[Evidence]) -> Evidence:
    """Evidence of several blocks of series as one."""
    every = list(parts)
    first = every[0]
    return Evidence(
        origins=first.origins,
        totals={name: np.concatenate([part.totals[name] for part in every], axis=-1) for name in first.totals},
        weekdays=np.concatenate([part.weekdays for part in every], axis=-1),
        sold=np.concatenate([part.sold for part in every], axis=-1),
        facts={name: np.concatenate([part.facts[name] for part in every], axis=-1) for name in first.facts},
        scale=np.concatenate([part.scale for part in every], axis=-1),
    )


def by_family(evidence: Evidence, families: Mapping[str, Sequence[str]]) -> Evidence:
    """The same evidence with the plain average of each family's models in place of the models."""
    totals = {
        family: np.mean([evidence.totals[name] for name in models], axis=0) for family, models in families.items()
    }
    return replace(evidence, totals=totals)


def evidence_of(units: Floats, *, history: History, open_ahead: Ahead, origins: Ints) -> Evidence:
    """Run every light model over (days, series) of units."""
    sold = Sold(units, _after_first_sale(units) & history.open_days[:, None])
    stockouts = suspected_stockouts(units, open_days=history.open_days)
    said = _said(sold, origins=origins, weekdays=open_ahead.weekdays)
    _leave_out(said, sold, stockouts.resumed, weekdays=open_ahead.weekdays)
    return Evidence(
        origins=origins,
        totals={name: rate[:, None, :] * open_ahead.days[:, :, None] for name, rate in said.items()},
        weekdays=_weekday_units(sold, origins=origins, first_weekday=history.weekday_of_day_0),
        sold=_sold_ahead(units, origins=origins, open_days=history.open_days, fewest=open_ahead.fewest),
        facts=_facts(sold, origins=origins) | _shelf_facts(stockouts, origins=origins),
        scale=_scale(units),
    )


def _said(sold: Sold, *, origins: Ints, weekdays: Floats) -> dict[str, Floats]:
    """Units an open day by model, (origins, series)."""
    said = rates(sold, _recursions(sold.units.shape[1]), origins=origins, weekdays=weekdays)
    windows = {f"mean_{days}": _window_mean(sold, origins=origins, days=days) for days in WINDOWS}
    return said | windows | {BASELINE: _window_mean(sold, origins=origins, days=7)}


def _leave_out(said: dict[str, Floats], sold: Sold, missing: Flags, *, weekdays: Floats) -> None:
    """Say again, without the days of suspected stock-outs, what is said at the end of the history.

    Only there: on an earlier origin nobody could know whether a run that still lasted would resume.
    """
    touched = np.flatnonzero(missing.any(axis=0))
    if len(touched) == 0:
        return
    known = Sold(sold.units[:, touched], sold.sellable[:, touched] & ~missing[:, touched])
    for name, rate in _said(known, origins=np.array([len(sold.units)]), weekdays=weekdays[-1:]).items():
        said[name][-1, touched] = rate[0]


def _shelf_facts(stockouts: Stockouts, *, origins: Ints) -> dict[str, Floats]:
    """Days left out as suspected stock-outs, and days of one that still lasts, as known at the end of the history."""
    numbers = {"stockout_days": stockouts.resumed.sum(axis=0), "empty_days": stockouts.pending}
    return {name: np.tile(number.astype(np.float64), (len(origins), 1)) for name, number in numbers.items()}


def _after_first_sale(units: Floats) -> Flags:
    """Days after each series' first sale: that day says that a product exists, not how often it sells.

    Counting it makes every new product look as if it sold daily (bias of +13 % over all products of a grocer).
    """
    after = np.zeros(units.shape, dtype=bool)
    np.logical_or.accumulate(units[:-1] > 0, axis=0, out=after[1:])
    return after


def _recursions(series: int) -> dict[str, Recursion]:
    """The light models, by the name under which a run reports them."""
    return {
        "ses_slow": Smoothing(series, alpha=0.01),
        "ses": Smoothing(series, alpha=0.03),
        "ses_fast": Smoothing(series, alpha=0.08),
        "seasonal_ses": SeasonalSmoothing(series, alpha=0.1),
        "tsb": Tsb(series, alpha_size=0.05, alpha_chance=0.03),
    }


def _window_mean(sold: Sold, *, origins: Ints, days: int) -> Floats:
    """Units per sellable day over the last `days` days before each origin, (origins, series)."""
    units = _window_sum(sold.units * sold.sellable, origins=origins, days=days)
    return units / np.maximum(_window_sum(sold.sellable, origins=origins, days=days), 1)


def _window_sum(entries: NDArray[np.float64] | NDArray[np.bool_], *, origins: Ints, days: int) -> Floats:
    """Sums over the last `days` days before each origin, (origins, series)."""
    return np.stack([entries[max(origin - days, 0) : origin].sum(axis=0) for origin in origins]).astype(np.float64)


def _weekday_units(sold: Sold, *, origins: Ints, first_weekday: int) -> Floats:
    """Units by weekday over the last PROFILE_DAYS days before each origin, Monday first, (origins, 7, series)."""
    profile = np.zeros((len(origins), 7, sold.units.shape[1]))
    for row, origin in enumerate(origins):
        for weekday in range(7):
            start = max(origin - PROFILE_DAYS, 0)
            day = start + (weekday - first_weekday - start) % 7
            profile[row, weekday] = sold.units[day:origin:7].sum(axis=0)
    return profile


def _sold_ahead(units: Floats, *, origins: Ints, open_days: Flags, fewest: Floats) -> Floats:
    """Units after each origin up to each horizon.

    NaN where the history ends before the horizon does, and where the shop was closed for much of it unforeseen: what
    did not sell behind closed doors says nothing of a forecast.
    """
    ahead = np.full((len(origins), len(HORIZONS), units.shape[1]), np.nan)
    for row, origin in enumerate(origins):
        for column, horizon in enumerate(HORIZONS):
            opened = open_days[origin : origin + horizon].sum()
            if origin + horizon <= len(units) and opened >= fewest[row, column]:
                ahead[row, column] = units[origin : origin + horizon].sum(axis=0)
    return ahead


def _scale(units: Floats) -> Floats:
    """What the naive forecast of each horizon's total is wrong by, squared: the total before it, over the history."""
    running = np.concatenate([np.zeros((1, units.shape[1])), np.cumsum(units, axis=0)])
    scale = np.full((len(HORIZONS), units.shape[1]), np.nan)
    for row, horizon in enumerate(HORIZONS):
        totals = running[horizon:] - running[:-horizon]
        if len(totals) > horizon:
            scale[row] = np.square(totals[horizon:] - totals[:-horizon])[::7].mean(axis=0)
    return scale


def _facts(sold: Sold, *, origins: Ints) -> dict[str, Floats]:
    """Age in sellable days, days with a sale, days since the last one, and the variation of a sale's size."""
    sale = sold.units > 0
    day = np.arange(len(sale))[:, None]
    last = np.maximum.accumulate(np.where(sale, day, -1), axis=0)
    squares = np.square(sold.units)
    whole = len(sale)
    sums = {
        "age": _window_sum(sold.sellable, origins=origins, days=whole),
        "sales": _window_sum(sale, origins=origins, days=whole),
        "units": _window_sum(sold.units, origins=origins, days=whole),
        "squares": _window_sum(squares, origins=origins, days=whole),
    }
    return {**sums, "since": np.stack([origin - 1 - last[origin - 1] for origin in origins]).astype(np.float64)}
