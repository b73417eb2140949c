"""Series' numbers as the rows that are published."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import DATE, HORIZON_DAYS, ID, LEVEL, MEAN, P10, P50, P90, REVENUE_MEAN
from app.domain.forecasts import HORIZONS, Level
from app.ml.ranges import Calibration

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """Numbers of one level's series on their way out.

    Attributes:
        paths: units a day, (series, days); None where every day is nothing, and is not written.
        totals: units of the next 30, 60, 90 days, (series, horizons).
        ranges: p10, p50, p90 of the totals, (quantiles, series, horizons).
        revenue: BRL, (series, horizons); NaN where no price is known.
        day_ranges: quantiles of a day's sales over its forecast.
    """

    level: Level
    ids: list[str]
    paths: Floats | None
    totals: Floats
    ranges: Floats
    revenue: Floats
    day_ranges: Calibration


def around(totals: Floats, ranges: Floats, whole: Flags) -> Floats:
    """The ranges in whole units where those are sold, around their mean.

    No whole number lies between a bound and its rounding inwards, so rounding changes no promise.
    """
    low, middle, high = ranges
    inwards = np.stack([np.ceil(low - 1e-9), np.rint(middle), np.floor(high + 1e-9)]) + 0.0  # no negative zero
    low, middle, high = np.where(whole[:, None], inwards, ranges)
    low, high = np.minimum(low, totals), np.maximum(high, totals)
    return np.stack([low, np.clip(middle, low, high), high])


def forecast_rows(part: Part, *, days: list[date]) -> pl.DataFrame:
    """One row a series and day; none of a part without paths."""
    if part.paths is None:
        return forecast_rows(replace(part, ids=[], paths=np.zeros((0, len(days)))), days=days)
    low, middle, high = part.day_ranges.ranges(part.paths)
    low, high = np.minimum(low, part.paths), np.maximum(high, part.paths)
    numbers = {MEAN: part.paths, P10: low, P50: np.clip(middle, low, high), P90: high}
    return labelled_rows(part.level, part.ids, pl.Series(DATE, days, pl.Date), numbers)


def totals_rows(part: Part) -> pl.DataFrame:
    """One row a series and horizon."""
    low, middle, high = part.ranges
    numbers = {MEAN: part.totals, P10: low, P50: middle, P90: high, REVENUE_MEAN: part.revenue}
    table = labelled_rows(part.level, part.ids, pl.Series(HORIZON_DAYS, HORIZONS, pl.Int32), numbers)
    return table.with_columns(pl.col(REVENUE_MEAN).fill_nan(None))


def labelled_rows(of: Level, named: list[str], labels: pl.Series, numbers: dict[str, Floats]) -> pl.DataFrame:
    """Every label for every series of a level, with their numbers (series, labels)."""
    series, each = len(named), len(labels)
    ids = pl.Series(ID, named, pl.String).gather(pl.Series(np.repeat(np.arange(series), each)))
    repeated = labels.gather(pl.Series(np.tile(np.arange(each), series)))
    level = pl.Series(LEVEL, [of.value]).new_from_index(0, series * each)
    columns = [pl.Series(name, np.ascontiguousarray(table).ravel()) for name, table in numbers.items()]
    return pl.DataFrame([level, ids, repeated, *columns])
