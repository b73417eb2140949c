"""Opening days, closures, extreme days and prices, as they are told from sales alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from app.domain.states import State
from app.ml.demand import screened
from app.ml.history import History, history_of, open_days
from app.ml.openings import open_ahead
from tests.test_ml.shops import shop


def opened(text: str, *, sales: int = 1) -> str:
    """x: some products sold that day, .: none; answers x: open, .: closed."""
    counts = np.array([sales if mark == "x" else 0 for mark in text.replace(" ", "")])
    flags = open_days(counts, weekday_of_day_0=0)
    return "".join("x" if flag else "." for flag in flags)


def history(sales: Mapping[str, Sequence[float]]) -> History:
    return history_of(screened(shop(sales)).demand)


def test_a_weekday_that_never_sells_is_closed() -> None:
    assert opened("xxxxxx." * 10) == "xxxxxx." * 10


def test_a_busy_shop_is_closed_on_its_first_empty_day() -> None:
    week = "x" * 100 + "." + "x" * 100
    assert opened(week, sales=50) == week
    assert opened(week, sales=1) == "x" * 201


def test_a_long_closure_is_seen_in_a_slow_shop_too() -> None:
    slow = "x...x.x.." * 30
    closed = slow + "." * 120 + slow
    assert "." * 120 in opened(closed)
    assert opened(slow) == "x" * len(slow)


def test_a_weekday_that_opened_lately_was_closed_before() -> None:
    week = ".xxxxx." * 60 + "xxxxxx." * 4
    assert opened(week, sales=30) == week


def test_a_weekday_that_opened_once_was_closed_on_its_other_days() -> None:
    weeks = "xxxxxx." * 10 + "xxxxxxx" + "xxxxxx." * 2
    assert opened(weeks, sales=30) == weeks


def test_a_closed_weekday_stays_closed_ahead() -> None:
    shop_week = history({"A": [3, 3, 3, 3, 3, 3, 0] * 20})
    ahead = open_ahead(shop_week, origin=shop_week.n_days)
    assert ahead.tolist() == [day % 7 != 6 for day in range(90)]


def test_a_holiday_that_was_closed_every_year_is_closed_again() -> None:
    days = np.full(3 * 365, 20.0)
    christmases = [359, 366 + 358]  # 25 December 2024 and 2025, day 0 being 1 January 2024
    days[christmases] = 0
    late = {sku: days[: 366 + 365 + 330].tolist() for sku in "ABCDEFGHIJKLMNOPQRST"}
    known = history(late)
    ahead = open_ahead(known, origin=known.n_days)
    closed = [known.dates_ahead(90)[day].strftime("%d/%m") for day in np.flatnonzero(~ahead)]
    assert closed == ["25/12"]


def test_a_state_s_holiday_is_closed_again_only_where_the_state_is_known() -> None:
    days = np.full(3 * 365, 20.0)
    days[[190, 366 + 189]] = 0  # 9 July 2024 and 2025, a holiday of São Paulo alone, day 0 being 1 January 2024
    known = shop({sku: days[: 366 + 365 + 170].tolist() for sku in "ABCDEFGHIJKLMNOPQRST"})
    closed = {}
    for state in (None, State.SP, State.RJ):
        lived = history_of(screened(replace(known, state=state)).demand)
        ahead = open_ahead(lived, origin=lived.n_days)
        closed[state] = [lived.dates_ahead(90)[day].strftime("%d/%m") for day in np.flatnonzero(~ahead)]
    assert closed == {None: [], State.SP: ["09/07"], State.RJ: []}


def test_one_extreme_day_is_limited_to_the_next_largest_and_noted() -> None:
    known = history({"A": [1, 2, 3] * 20 + [10_000], "B": [20_000] * 61})
    assert known.dense(slice(0, 1)).max() == 3
    assert known.spikes.select("quantity", "kept").rows() == [(10_000.0, 3.0)]


def test_large_days_that_come_again_are_no_mistakes() -> None:
    known = history({"A": [1] * 40 + [500] + [1] * 30 + [400], "B": [1000] * 72})
    assert known.dense(slice(0, 1)).max() == 500
    assert known.spikes.is_empty()


def test_prices_are_what_was_paid_lately() -> None:
    assert history({"A": [1, 2, 3]}).price == pytest.approx([2.0])


def test_dense_and_sparse_layouts_hold_the_same_units() -> None:
    known = history({"A": [1, 0, 2], "B": [0, 4, 0], "C": [0, 0, 5]})
    assert known.dense(slice(0, 3)).T.tolist() == [[1, 0, 2], [0, 4, 0], [0, 0, 5]]
    assert known.dense_of(np.array([2, 0]), days=2).T.tolist() == [[0, 0], [1, 0]]
    assert known.by_category().sum(axis=1).tolist() == [1, 4, 7]
