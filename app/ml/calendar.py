"""Brazilian holidays, commercial dates and paydays, each by its rule and known ahead for any year.

`holidays` knows the laws (and since which year: 20 November is national only from 2024); movable feasts follow Easter;
commercial dates follow the trade's own rules, which naive code gets wrong: Black Friday is the day after the fourth
Thursday of November, neither the fourth nor the last Friday.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

import holidays

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6


class SpecialDay(NamedTuple):
    """A date on which a shop sells otherwise than on other days, and the days around it that it reaches.

    Attributes:
        day: the date.
        name: shared by all years, so that a model learns one effect.
        lower_window: first day reached, counted from `day`, zero or negative.
        upper_window: last day reached, zero or positive.
    """

    day: date
    name: str
    lower_window: int = 0
    upper_window: int = 0


def special_days(years: Iterable[int], *, state: str | None = None) -> list[SpecialDay]:
    """Everything in these years, in the order of the dates.

    Args:
        years: calendar years.
        state: two letters (SP, RJ, ...) to add the state's own holidays, None for national ones only.
    """
    every = [special for year in sorted(set(years)) for special in _of_year(year, state=state)]
    return sorted(every)


def national_holidays(year: int) -> dict[date, str]:
    """Public holidays by law, and those that shops keep by custom: Carnaval, Ash Wednesday, Corpus Christi."""
    by_law = holidays.country_holidays("BR", years=year, language="pt_BR", categories=("public",))
    kept = {carnival(year) - timedelta(days=1): "Carnaval (segunda)", carnival(year): "Carnaval (terça)"}
    movable = {carnival(year) + timedelta(days=1): "Quarta-feira de Cinzas", corpus_christi(year): "Corpus Christi"}
    return dict(by_law.items()) | kept | movable


def state_holidays(year: int, *, state: str) -> dict[date, str]:
    """What a state adds to the national holidays.

    Raises:
        NotImplementedError: `state` is not one of the 27.
    """
    national = national_holidays(year)
    own = holidays.country_holidays("BR", subdiv=state, years=year, language="pt_BR", categories=("public",))
    return {day: name for day, name in own.items() if day not in national}


def public_holidays(year: int, *, state: str | None) -> dict[date, str]:
    """National holidays, and the state's own where one is given.

    Raises:
        NotImplementedError: `state` is not one of the 27.
    """
    return national_holidays(year) | (state_holidays(year, state=state) if state else {})


def easter(year: int) -> date:
    """Easter Sunday (Meeus/Jones/Butcher algorithm, Astronomical Algorithms, 1991, chapter 8)."""
    century = year // 100
    golden = year % 19
    correction = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    epact = correction - (correction // 28) * (1 - (29 // (correction + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + epact + 2 - century + century // 4) % 7
    offset = epact - weekday
    month = 3 + (offset + 40) // 44
    return date(year, month, offset + 28 - 31 * (month // 4))


def carnival(year: int) -> date:
    """Carnival Tuesday: 47 days before Easter."""
    return easter(year) - timedelta(days=47)


def corpus_christi(year: int) -> date:
    """Thursday, 60 days after Easter."""
    return easter(year) + timedelta(days=60)


def mothers_day(year: int) -> date:
    """Second Sunday of May."""
    return nth_weekday(year, 5, weekday=SUNDAY, nth=2)


def fathers_day(year: int) -> date:
    """Second Sunday of August."""
    return nth_weekday(year, 8, weekday=SUNDAY, nth=2)


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    return nth_weekday(year, 11, weekday=THURSDAY, nth=4) + timedelta(days=1)


def nth_weekday(year: int, month: int, *, weekday: int, nth: int) -> date:
    """The nth Monday (0) ... Sunday (6) of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def payday(year: int, month: int) -> date:
    """Fifth business day of the month, Saturdays counted (CLT art. 459 §1); paid on Friday when it is a Saturday.

    Banks pay on no Saturday, so wages due on one arrive the business day before.
    """
    free = _days_off(year)
    business = (day for day in _days_of(year, month) if day.weekday() != SUNDAY and day not in free)
    *_, fifth = (day for day, _ in zip(business, range(5), strict=False))
    while fifth.weekday() >= SATURDAY or fifth in free:
        fifth -= timedelta(days=1)
    return fifth


def _before_weekend(day: date) -> date:
    """The day itself, or the Friday before it: what is due on a weekend is paid before."""
    return day - timedelta(days=max(day.weekday() - 4, 0))


def _days_off(year: int) -> set[date]:
    return set(holidays.country_holidays("BR", years=year, language="pt_BR", categories=("public",)))


def _days_of(year: int, month: int) -> Iterator[date]:
    day = date(year, month, 1)
    while day.month == month:
        yield day
        day += timedelta(days=1)


def _of_year(year: int, *, state: str | None) -> Iterator[SpecialDay]:
    named = {special.day for special in _commercial(year)}
    yield from _commercial(year)
    for day, name in public_holidays(year, state=state).items():
        if day not in named:
            yield SpecialDay(day, name)
    for month in range(1, 13):
        yield SpecialDay(payday(year, month), "Pagamento (5º dia útil)", 0, 3)


def _commercial(year: int) -> list[SpecialDay]:
    """Dates of the trade; a window reaches over the days on which people buy for the date.

    Windows are kept to about a week: longer seasons (Christmas shopping, São João) are the yearly seasonality's matter,
    and every day of a window costs the model a column.
    """
    friday = black_friday(year)
    return [
        SpecialDay(date(year, 1, 1), "Ano-Novo", 0, 1),
        SpecialDay(carnival(year), "Carnaval (terça)", -4, 1),
        SpecialDay(date(year, 3, 8), "Dia da Mulher", -2, 0),
        SpecialDay(date(year, 3, 15), "Dia do Consumidor", -3, 0),
        SpecialDay(easter(year), "Páscoa", -7, 0),
        SpecialDay(mothers_day(year), "Dia das Mães", -7, 0),
        SpecialDay(date(year, 6, 12), "Dia dos Namorados", -5, 0),
        SpecialDay(date(year, 6, 24), "São João", -3, 0),
        SpecialDay(corpus_christi(year), "Corpus Christi", 0, 3),
        SpecialDay(fathers_day(year), "Dia dos Pais", -7, 0),
        SpecialDay(date(year, 9, 15), "Dia do Cliente", -3, 0),
        SpecialDay(date(year, 10, 12), "Dia das Crianças", -7, 0),
        SpecialDay(date(year, 11, 11), "11.11", -1, 0),
        SpecialDay(friday, "Black Friday", -4, 1),
        SpecialDay(friday + timedelta(days=3), "Cyber Monday", 0, 0),
        SpecialDay(date(year, 11, 30), "13º salário (1ª parcela)", 0, 3),
        SpecialDay(_before_weekend(date(year, 12, 20)), "13º salário (2ª parcela)", 0, 0),
        SpecialDay(date(year, 12, 25), "Natal", -7, 1),
        SpecialDay(date(year, 12, 31), "Véspera de Ano-Novo", -1, 0),
    ]
