"""How the numbers and dates of each column are written, decided once for the whole column on a sample of the file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain.contract import CONTRACT, Kind
from app.domain.findings import AMBIGUOUS_DATES, AMBIGUOUS_NUMBERS
from app.processing.columns.personal import masked
from app.processing.reader.records import LINE
from app.processing.reader.sheets import Doubt, Sheet
from app.processing.values.dates import DateEvidence, DateStyle, date_evidence
from app.processing.values.numbers import Evidence, NumberStyle, evidence, read_numbers, style_of_file
from app.processing.values.typed import NUMBERS

_SHOWN_LENGTH: Final = 40
_ONE_PERCENT: Final = 0.01
_MOST_DIFFERENT: Final = 0.25  # of the cells of a column that few values fill


def with_styles(sheet: Sheet, sample: pl.DataFrame) -> Sheet:
    """The sheet with the style of each of its columns, and its doubts.

    A column that leaves doubt follows the file's other columns, and is said to be doubtful only when they do not help.
    """
    kinds = {field.name: field.kind for field in CONTRACT[sheet.table]}
    of_numbers = {name: place for name, place in sheet.positions.items() if kinds[name] in NUMBERS}
    different = {name: sample[str(place)].drop_nulls().unique() for name, place in of_numbers.items()}
    seen = {name: evidence(values) for name, values in different.items()}
    days = {name: date_evidence(sample[str(p)]) for name, p in sheet.positions.items() if kinds[name] is Kind.DATE}
    numbers = {name: of_column.style or style_of_file(seen.values()) for name, of_column in seen.items()}
    proven = _style_that_adds_up(sheet, sample, numbers, seen)
    dialect = replace(
        sheet.dialect,
        repetitive=frozenset(
            of_numbers[name] for name, values in different.items() if len(values) <= _MOST_DIFFERENT * sample.height
        ),
        numbers=numbers | proven,
        dates={name: _date_style(of_column, days) for name, of_column in days.items()},
        doubts=(
            *(
                _doubt(sheet, sample, n, AMBIGUOUS_NUMBERS.code, r"[.,]\d{3}\b")
                for n in _unsure(seen)
                if n not in proven
            ),
            *(_doubt(sheet, sample, n, AMBIGUOUS_DATES.code, r"\d") for n in _undated(days)),
        ),
    )
    return replace(sheet, dialect=dialect)


def _unsure(seen: Mapping[str, Evidence]) -> list[str]:
    return [name for name, of_column in seen.items() if of_column.ambiguous and of_column.style is None]


def _undated(days: Mapping[str, DateEvidence]) -> list[str]:
    """The columns whose day and month could be swapped, if no other column tells."""
    if any(of_column.is_sure for of_column in days.values()):
        return []
    return [name for name, of_column in days.items() if of_column.is_ambiguous]


def _date_style(of_column: DateEvidence, days: Mapping[str, DateEvidence]) -> DateStyle:
    if not of_column.is_ambiguous:
        return of_column.style
    sure = [other.style for other in days.values() if other.is_sure]
    return sure[0] if sure else of_column.style


def _style_that_adds_up(
    sheet: Sheet, sample: pl.DataFrame, numbers: Mapping[str, NumberStyle], seen: Mapping[str, Evidence]
) -> dict[str, NumberStyle]:
    """Whether `1,000` kg is one or a thousand: the reading under which quantity times price is the total."""
    needed = (c.QUANTIDADE, c.PRECO_UNITARIO, c.VALOR_TOTAL)
    if c.QUANTIDADE not in _unsure(seen) or not all(sheet.has(name) for name in needed):
        return {}
    quantity, price, total = (sample[str(sheet.positions[name])] for name in needed)
    cost = read_numbers(price, style=numbers[c.PRECO_UNITARIO]).values
    paid = read_numbers(total, style=numbers[c.VALOR_TOTAL]).values
    adding_up = {
        style: int(
            ((read_numbers(quantity, style=style).values * cost - paid).abs() <= _ONE_PERCENT * paid.abs()).sum()
        )
        for style in NumberStyle
    }
    best = max(NumberStyle, key=lambda style: adding_up[style])
    return {c.QUANTIDADE: best} if adding_up[NumberStyle.BR] != adding_up[NumberStyle.US] else {}


def _doubt(sheet: Sheet, sample: pl.DataFrame, name: str, rule: str, pattern: str) -> Doubt:
    """The first doubtful value of a column, and its line."""
    place = sheet.positions[name]
    filled = sample.filter(pl.col(str(place)).is_not_null())
    doubtful = filled.filter(pl.col(str(place)).str.contains(pattern))
    first = (filled if doubtful.is_empty() else doubtful).row(0, named=True)
    return Doubt(rule, name, masked(first[str(place)])[:_SHOWN_LENGTH], first[LINE])
