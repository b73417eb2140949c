"""What is asked of a Prophet model: the same settings as the stock library, frozen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Literal


class Outcome(IntEnum):
    """How a series came to its parameters."""

    FITTED = 0
    """The maximum of the posterior."""
    CONSTANT = 1
    """All observed days are equal: as in Prophet the level is taken over and nothing is estimated."""
    NOISELESS = 2
    """The model can pass through every observed day, so the posterior has no maximum: noise is held at its floor."""
    TOO_SHORT = 3
    """Fewer than two observed days, which Prophet refuses: the one known level (or zero) is taken over."""


@dataclass(frozen=True)
class HolidayDate:
    """One date of a holiday; as in Prophet, each (name, offset) of a window is a column of its own.

    Attributes:
        day: the date itself.
        name: shared by all the dates of one holiday.
        lower_window: first day of the window, counted from `day`, zero or negative.
        upper_window: last day of the window, zero or positive.

    Raises:
        ValueError: the window does not hold the date itself.
    """

    day: date
    name: str
    lower_window: int = 0
    upper_window: int = 0

    def __post_init__(self) -> None:
        if not self.lower_window <= 0 <= self.upper_window:
            raise ValueError(f"the window of {self.name} does not hold its own date")


def holiday_dates(rows: Iterable[tuple[date, str, int, int]]) -> tuple[HolidayDate, ...]:
    """Rows of (day, name, lower_window, upper_window), such as a frame's `iter_rows()`, as a spec wants them."""
    return tuple(HolidayDate(*row) for row in rows)


@dataclass(frozen=True)
class ProphetSpec:
    """Settings of the model; names and defaults are those of `prophet.Prophet`.

    Attributes:
        growth: piecewise linear trend, or a constant.
        yearly: Fourier order 10 with a period of 365.25 days; "auto" needs 730 days between first and last observation.
        weekly: Fourier order 3; "auto" needs two weeks, and two observations less than a week apart.
        holidays: dates of history and future alike; a name is known to the model even where no date falls in history.
        seasonality_mode: whether seasonality and holidays are added to the trend or multiply it.
        n_changepoints: possible bends of the trend, spread over the first `changepoint_range` of the observations.
        changepoint_range: share of the history in which the trend may bend.
        changepoint_prior_scale: tau of the Laplace prior on each bend.
        seasonality_prior_scale: standard deviation of the prior on Fourier coefficients.
        holidays_prior_scale: standard deviation of the prior on holiday effects.

    Raises:
        ValueError: a prior scale is not above zero, a share not between 0 and 1, or a count negative.
    """

    growth: Literal["linear", "flat"] = "linear"
    yearly: bool | Literal["auto"] = "auto"
    weekly: bool | Literal["auto"] = "auto"
    holidays: tuple[HolidayDate, ...] = ()
    seasonality_mode: Literal["additive", "multiplicative"] = "additive"
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    changepoint_prior_scale: float = 0.05
    seasonality_prior_scale: float = 10.0
    holidays_prior_scale: float = 10.0

    def __post_init__(self) -> None:
        scales = (self.changepoint_prior_scale, self.seasonality_prior_scale, self.holidays_prior_scale)
        if min(scales) <= 0.0:
            raise ValueError(f"prior scales must be above zero, not {scales}")
        if not 0.0 <= self.changepoint_range <= 1.0 or self.n_changepoints < 0:
            raise ValueError(f"{self.n_changepoints} changepoints in {self.changepoint_range} of the history")
