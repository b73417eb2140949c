"""What moves a series' sales, said in one sentence: trend, weekdays, months."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from app.domain.text import Text
from app.ml.history import History
from app.ml.trainer import TrainedLevel

Floats = NDArray[np.float64]

MORE = 1.15  # times the mean of its open weekdays from which a weekday is worth a word
MUCH_MORE = 1.2  # and a month
RISING = 1.2  # times the pace of the months before
ENOUGH_UNITS = 60  # sold in the profile's days; under it weekdays are chance
TWO_YEARS = 730  # days from which a month can be told from the trend
WEEKDAYS = (
    Text("às segundas", "on Mondays"),
    Text("às terças", "on Tuesdays"),
    Text("às quartas", "on Wednesdays"),
    Text("às quintas", "on Thursdays"),
    Text("às sextas", "on Fridays"),
    Text("aos sábados", "on Saturdays"),
    Text("aos domingos", "on Sundays"),
)
MONTHS = tuple(
    Text(f"em {pt}", f"in {en}")
    for pt, en in (
        ("janeiro", "January"),
        ("fevereiro", "February"),
        ("março", "March"),
        ("abril", "April"),
        ("maio", "May"),
        ("junho", "June"),
        ("julho", "July"),
        ("agosto", "August"),
        ("setembro", "September"),
        ("outubro", "October"),
        ("novembro", "November"),
        ("dezembro", "December"),
    )
)
SELLS_MORE = Text("vende mais {when}", "sells more {when}")
GROWING = Text("vem crescendo", "has been growing")
FALLING = Text("vem caindo", "has been falling")
EVEN = Text("vende por igual na semana", "sells evenly over the week")
LITTLE = Text("vende pouco demais para mostrar um padrão", "sells too little to show a pattern")


def explained(level: TrainedLevel, *, months: Floats | None, opened: Floats | None = None) -> list[Text]:
    """One sentence a series.

    Args:
        level: its weekday profile and its paces.
        months: times its mean that each series sells in each month, (series, 12); None if that cannot be told yet.
        opened: share of each weekday's days, of those of the profile, on which the shop was open, Monday first, (7,);
            all of them if None.
    """
    weekdays = level.evidence.weekdays[-1].T
    slow, fast = (level.evidence.totals[name][-1, 0] for name in ("ses_slow", "mean_56"))
    busy = _above(weekdays, MORE, opened=np.ones(7) if opened is None else opened)
    seasons = _above(months, MUCH_MORE, opened=np.ones(months.shape[1])) if months is not None else [[]] * len(weekdays)
    return [
        _sentence(
            busy[series],
            seasons[series],
            known=weekdays[series].sum() >= ENOUGH_UNITS,
            pace=_pace(slow[series], fast[series]),
        )
        for series in range(len(weekdays))
    ]


def month_factors(units: Floats, *, history: History) -> Floats | None:
    """Times its mean that each series sells in each month, (series, 12); None under TWO_YEARS.

    Only whole years count, so that no month is seen more often than another.
    """
    years = history.n_days // 365
    if history.n_days < TWO_YEARS:
        return None
    recent = np.arange(history.n_days - years * 365, history.n_days)
    month = np.array([(history.first + timedelta(days=int(day))).month - 1 for day in recent])
    opened = np.bincount(month, weights=history.open_days[recent], minlength=12)
    sums = np.stack([units[recent[month == one]].sum(axis=0) for one in range(12)], axis=1)
    daily = sums / np.maximum(opened, 1)
    return np.asarray(daily / np.maximum(daily.mean(axis=1, keepdims=True), 1e-12))


def _above(profile: Floats, factor: float, *, opened: Floats) -> list[list[int]]:
    """Places of each row well above the mean of its entries that are not zero, the highest first, three at most.

    An entry counts by how much of it was open: a single open Sunday does not make busy days of all the others.
    """
    mean = profile.sum(axis=1) / np.maximum((profile > 0) @ opened, 1e-12)
    order = np.argsort(-profile, axis=1, kind="stable")[:, :3]
    return [
        [int(place) for place in places if mean[row] > 0 and profile[row, place] >= factor * mean[row]]
        for row, places in enumerate(order)
    ]


def _pace(slow: float, fast: float) -> Text | None:
    if slow > 0 and fast >= RISING * slow:
        return GROWING
    return FALLING if slow > 0 and fast * RISING <= slow else None


def _sentence(weekdays: Sequence[int], months: Sequence[int], *, known: bool, pace: Text | None) -> Text:
    if not known:
        return LITTLE
    when = [WEEKDAYS[day] for day in sorted(weekdays)] + [MONTHS[month] for month in sorted(months)]
    said = [_more(when)] if when else [EVEN]
    return _and([*said, pace] if pace else said)


def _more(when: Sequence[Text]) -> Text:
    listed = _and(when)
    return Text(SELLS_MORE.pt.format(when=listed.pt), SELLS_MORE.en.format(when=listed.en))


def _and(parts: Sequence[Text]) -> Text:
    """a, b e c."""
    return Text(_list([part.pt for part in parts], "e"), _list([part.en for part in parts], "and"))


def _list(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
