"""Every date by its rule, on the years where naive rules fail."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from app.ml.calendar import (
    black_friday,
    carnival,
    corpus_christi,
    easter,
    fathers_day,
    mothers_day,
    national_holidays,
    payday,
    special_days,
    state_holidays,
)


@pytest.mark.parametrize(
    ("year", "sunday"),
    [
        (1961, date(1961, 4, 2)),
        (2008, date(2008, 3, 23)),
        (2019, date(2019, 4, 21)),
        (2025, date(2025, 4, 20)),
        (2026, date(2026, 4, 5)),
        (2038, date(2038, 4, 25)),
    ],
)
def test_easter_moves_from_late_march_to_late_april(year: int, sunday: date) -> None:
    assert easter(year) == sunday


@pytest.mark.parametrize(
    ("year", "friday"),
    [
        (2018, date(2018, 11, 23)),  # the last Friday is the 30th
        (2019, date(2019, 11, 29)),  # the fourth Friday is the 22nd
        (2024, date(2024, 11, 29)),  # the fourth Friday is the 22nd
        (2025, date(2025, 11, 28)),
        (2026, date(2026, 11, 27)),
        (2029, date(2029, 11, 23)),  # the last Friday is the 30th
        (2030, date(2030, 11, 29)),  # the fourth Friday is the 22nd
    ],
)
def test_black_friday_follows_the_fourth_thursday(year: int, friday: date) -> None:
    assert black_friday(year) == friday


@pytest.mark.parametrize(
    ("year", "carnival_day", "corpus", "mothers", "fathers"),
    [
        (2025, date(2025, 3, 4), date(2025, 6, 19), date(2025, 5, 11), date(2025, 8, 10)),
        (2026, date(2026, 2, 17), date(2026, 6, 4), date(2026, 5, 10), date(2026, 8, 9)),
        (2027, date(2027, 2, 9), date(2027, 5, 27), date(2027, 5, 9), date(2027, 8, 8)),
    ],
)
def test_movable_dates(year: int, carnival_day: date, corpus: date, mothers: date, fathers: date) -> None:
    assert (carnival(year), corpus_christi(year), mothers_day(year), fathers_day(year)) == (
        carnival_day,
        corpus,
        mothers,
        fathers,
    )


def test_paydays_of_2026_fall_on_the_fifth_business_day_and_on_friday_when_that_is_a_saturday() -> None:
    days = [payday(2026, month).strftime("%d/%m") for month in range(1, 13)]
    assert days == [
        *("07/01", "06/02", "06/03", "07/04", "07/05", "05/06"),
        *("06/07", "06/08", "04/09", "06/10", "06/11", "04/12"),
    ]


def test_a_saturday_counts_as_a_business_day() -> None:
    # August 2026: Sat 1, Sun 2, Mon 3, Tue 4, Wed 5, Thu 6: with Saturday the fifth is the 6th, without it the 7th
    assert payday(2026, 8) == date(2026, 8, 6)


def test_carnival_and_corpus_christi_are_holidays_though_no_law_says_so() -> None:
    named = national_holidays(2026)
    assert named[date(2026, 2, 17)].startswith("Carnaval")
    assert named[date(2026, 6, 4)] == "Corpus Christi"
    assert named[date(2026, 12, 25)] == "Natal"


def test_black_consciousness_day_is_national_only_from_2024() -> None:
    assert date(2023, 11, 20) not in national_holidays(2023)
    assert date(2024, 11, 20) in national_holidays(2024)


def test_a_state_adds_its_own_holidays() -> None:
    assert set(state_holidays(2026, state="SP")) == {date(2026, 7, 9)}
    assert date(2026, 4, 23) in state_holidays(2026, state="RJ")
    with pytest.raises(NotImplementedError):
        state_holidays(2026, state="XX")


def test_names_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert "Natal" in national_holidays(2025).values()


def test_the_second_half_of_the_thirteenth_salary_is_paid_before_a_weekend() -> None:
    halves = [day.day for day in special_days([2025, 2026]) if day.name.startswith("13º salário (2ª")]
    assert halves == [date(2025, 12, 19), date(2026, 12, 18)]


def test_each_date_of_the_trade_appears_once_a_year_with_a_window_around_it() -> None:
    days = special_days(range(2018, 2031), state="SP")
    for name in ("Black Friday", "Dia das Mães", "Páscoa", "Natal", "Carnaval (terça)", "Dia das Crianças"):
        dates = [day.day for day in days if day.name == name]
        assert [one.year for one in dates] == list(range(2018, 2031))
    assert all(day.lower_window <= 0 <= day.upper_window for day in days)
    assert days == sorted(days)


def test_windows_of_one_name_never_overlap() -> None:
    days = special_days(range(2020, 2030))
    for name in {day.name for day in days}:
        own = [day for day in days if day.name == name]
        for one, following in pairwise(own):
            end = one.day + timedelta(days=one.upper_window)
            assert end < following.day + timedelta(days=following.lower_window)
