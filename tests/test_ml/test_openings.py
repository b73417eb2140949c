"""How many open days are foreseen, told from the days on which a shop opened so far."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from app.domain.forecasts import HORIZONS
from app.ml.demand import Demand, screened
from app.ml.history import History, history_of
from app.ml.openings import open_days_ahead, open_share_ahead, open_weekdays
from app.ml.paths import weekday_shape
from app.ml.predictor import predict
from app.ml.trainer import train
from tests.test_ml.shops import FIRST, shop

Opens = Callable[[int], bool]
SUNDAY = 6
DAYS = 609  # weeks in full from a Monday; no holiday of the last eight is a Sunday
PACE = np.array([10.0, 9, 9, 10, 12, 14, 6])  # Monday first


def sold(opens: Opens, *, days: int = DAYS, products: int = 20, first: date = FIRST) -> Demand:
    """A shop whose products each sell their weekday's pace, more or less, on the days on which it opens."""
    random = np.random.default_rng(11)
    day = np.arange(days)
    opened = np.array([opens(int(one)) for one in day])
    units = random.poisson(PACE[(day + first.weekday()) % 7], size=(products, days)) * opened
    return shop({f"P{place:02d}": row.tolist() for place, row in enumerate(units)}, first=first)


def lived(opens: Opens, *, days: int = DAYS, first: date = FIRST) -> History:
    return history_of(screened(sold(opens, days=days, products=60, first=first)).demand)


def sundays(opens: Opens, *, days: int = DAYS) -> float:
    """The share that the Sundays ahead are given."""
    history = lived(opens, days=days)
    return float(open_weekdays(history, origin=history.n_days)[SUNDAY])


def is_sunday(day: int) -> bool:
    return day % 7 == SUNDAY


def sunday_of(week: int) -> Opens:
    return lambda day: day == 7 * week + SUNDAY


def total_ahead(demand: Demand, *, level: str = "company") -> list[float]:
    totals = predict(train(demand)).totals
    return totals.filter(totals["level"] == level).sort("horizon_days")["mean"].to_list()


def expected(opens: Callable[[int], float], *, products: int = 20) -> list[float]:
    """Units of the days after DAYS, each by how much of it is open."""
    units = [products * PACE[day % 7] * opens(day) for day in range(DAYS, DAYS + max(HORIZONS))]
    return [sum(units[:horizon]) for horizon in HORIZONS]


# --- shares of weekdays -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opens", "share"),
    [
        (lambda day: not is_sunday(day), 0),
        (lambda day: not is_sunday(day) or sunday_of(84)(day), 1 / 8),
        (lambda day: not is_sunday(day) or sunday_of(84)(day) or sunday_of(85)(day), 2 / 8),
        (lambda day: not is_sunday(day) or day // 7 % 2 == 0, 4 / 8),
        (lambda day: not is_sunday(day) or day // 7 >= 82, 1),
        (lambda day: not is_sunday(day) or day // 7 >= 84, 3 / 8),
        (lambda day: not is_sunday(day) or day // 7 < 82, 0),
        (lambda day: not is_sunday(day) or day // 7 < 84, 5 / 8),
    ],
    ids=[
        *("never", "once", "twice", "every second"),
        *("since five weeks", "since three weeks", "no more since five weeks", "no more since three weeks"),
    ],
)
def test_a_weekday_is_open_ahead_by_its_share(opens: Opens, share: float) -> None:
    assert sundays(opens) == pytest.approx(share)


def test_three_weeks_of_holidays_say_nothing_of_weekdays() -> None:
    history = lived(lambda day: not is_sunday(day) and not 80 * 7 <= day < 83 * 7)
    assert open_weekdays(history, origin=history.n_days).tolist() == [1, 1, 1, 1, 1, 1, 0]


def test_two_weeks_between_deliveries_are_a_rhythm() -> None:
    history = lived(lambda day: day % 14 == 2)
    assert open_weekdays(history, origin=history.n_days).tolist() == [0, 0, 0.5, 0, 0, 0, 0]


def test_days_without_any_pattern_are_foreseen_in_their_number() -> None:
    drawn = np.random.default_rng(4).random(DAYS) < 0.4
    history = lived(lambda day: bool(drawn[day]))
    days = open_days_ahead(history, origins=np.array([DAYS])).days[0]
    assert days == pytest.approx(np.array(HORIZONS) * history.open_days[-56:].mean(), rel=0.15)


@pytest.mark.parametrize("days", [10, 20, 40, 55])
def test_a_young_shop_is_foreseen_as_many_units_as_it_sold(days: int) -> None:
    demand = sold(lambda day: not is_sunday(day), days=days)
    a_day = demand.daily["quantity"].sum() / days
    assert total_ahead(demand)[1] == pytest.approx(60 * a_day, rel=0.08)


def test_a_shop_that_opened_once_long_ago_is_not_foreseen_to_open_daily() -> None:
    history = lived(lambda day: day == 0, days=100)
    assert open_days_ahead(history, origins=np.array([100])).days[0, -1] <= 13


def test_a_shop_that_shut_is_foreseen_by_the_weeks_before() -> None:
    history = lived(lambda day: day < 500 and not is_sunday(day))
    assert open_weekdays(history, origin=history.n_days).tolist() == [1, 1, 1, 1, 1, 1, 0]


def test_a_holiday_on_a_closed_weekday_says_nothing_of_the_next_on_another() -> None:
    first = date(2023, 1, 2)  # 1 May 2023 is a Monday, 2024 a Wednesday; the shop opens from Tuesday on
    days = (date(2024, 4, 20) - first).days
    history = lived(lambda day: day % 7 != 0, days=days, first=first)
    share = open_share_ahead(history, origin=days)
    assert share[(date(2024, 5, 1) - first).days - days] == 1


# --- what it does to a forecast -----------------------------------------------------------------------------------


def test_one_open_sunday_leaves_the_forecast_where_it_was() -> None:
    closed = expected(lambda day: not is_sunday(day))
    assert total_ahead(sold(lambda day: not is_sunday(day) or sunday_of(84)(day))) == pytest.approx(closed, rel=0.04)


def test_a_weekday_open_every_second_week_counts_by_half() -> None:
    half = expected(lambda day: 0.5 if is_sunday(day) else 1)
    assert total_ahead(sold(lambda day: not is_sunday(day) or day // 7 % 2 == 0)) == pytest.approx(half, rel=0.04)


def test_a_weekday_opened_five_weeks_ago_is_neither_missed_nor_thinned_out() -> None:
    mondays = expected(lambda _: 1)
    assert total_ahead(sold(lambda day: day % 7 != 0 or day // 7 >= 82)) == pytest.approx(mondays, rel=0.05)


def test_a_shop_open_on_irregular_days_has_a_backtest_and_its_number_of_days() -> None:
    drawn = np.random.default_rng(4).random(DAYS) < 0.4
    demand = sold(lambda day: bool(drawn[day]))
    trained = train(demand)
    folds = np.isfinite(trained.company.evidence.sold[:, :, 0]).sum(axis=0)
    assert (folds >= [10, 9, 8]).all()
    lately = float(drawn[-56:].mean())
    assert total_ahead(demand) == pytest.approx(expected(lambda _: lately), rel=0.1)


def test_a_month_behind_closed_doors_is_no_fold() -> None:
    demand = sold(lambda day: not DAYS - 60 <= day < DAYS - 30)
    origins = train(demand).company.evidence.origins.tolist()
    known = np.isfinite(train(demand).company.evidence.sold[:, 0, 0])
    assert not known[origins.index(DAYS - 60)]
    assert known[origins.index(DAYS - 90)]


def test_the_days_of_a_half_open_weekday_hold_half_of_what_it_sells_when_open() -> None:
    history = lived(lambda day: not is_sunday(day) or day // 7 % 2 == 0)
    weeks = 26
    units = np.array([PACE * weeks]).T * np.array([1, 1, 1, 1, 1, 1, 0.5])[:, None]
    shape = weekday_shape(1000 * units, history=history, origin=history.n_days)[0]
    ratio = shape[DAYS % 7 + SUNDAY] / shape[DAYS % 7]
    assert ratio == pytest.approx(PACE[SUNDAY] / PACE[0] / 2, rel=0.01)


def test_dates_ahead_begin_on_the_day_after_the_history() -> None:
    history = lived(lambda day: not is_sunday(day), days=612)
    share = open_share_ahead(history, origin=612)
    days = [FIRST + timedelta(days=612 + ahead) for ahead in range(90)]
    assert [day.weekday() for day, opened in zip(days, share, strict=True) if opened == 0] == [SUNDAY] * 13
