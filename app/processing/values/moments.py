"""When a sale was made and what became of it: the rules for dates, and the vocabulary of situations."""

from datetime import date, timedelta
from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain.findings import (
    DATE_IN_THE_FUTURE,
    DATE_TOO_OLD,
    MISSING_DATE,
    UNKNOWN_STATUS,
    UNREADABLE_DATE,
)
from app.processing.columns.headings import normalised
from app.processing.reader.records import LINE
from app.processing.reader.sheets import Sheet
from app.processing.validator.noticing import nothing, noticed
from app.processing.validator.screening import Problem
from app.processing.values.statuses import Status, status_of

FIRST_DAY: Final = date(2000, 1, 1)
LATEST: Final = timedelta(days=1)  # a sale near midnight, in a system whose clock is ahead


def date_problems(dates: pl.Series, text: pl.Series, *, today: date) -> tuple[Problem, ...]:
    """What rejects a row for its date; `text` is the date as written, beside it."""
    empty = text.is_null() | (text.str.strip_chars() == "") if dates.null_count() else text.is_null()
    return (
        Problem(MISSING_DATE, dates.is_null() & empty, c.DATA_VENDA),
        Problem(UNREADABLE_DATE, dates.is_null() & ~empty, c.DATA_VENDA),
        Problem(DATE_IN_THE_FUTURE, (dates > today + LATEST).fill_null(value=False), c.DATA_VENDA),
        Problem(DATE_TOO_OLD, (dates < FIRST_DAY).fill_null(value=False), c.DATA_VENDA),
    )


def situations(sheet: Sheet, values: pl.DataFrame, *, kept: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """The situation of each row, null where none was written; a finding for each unknown word of a kept row."""
    text = values[c.SITUACAO]
    if text.null_count() == len(text):
        return text, nothing()
    flag = normalised(sheet.header_of(c.SITUACAO) or "").startswith("cancelado")
    meanings = {word: status_of(word, says_cancelled=flag) for word in text.drop_nulls().unique()}
    unknown = [word for word, status in meanings.items() if status is None]
    words = {word: (status or Status.COMPLETED).value for word, status in meanings.items()}
    findings = _first_of_each(sheet, values.filter(kept & text.is_in(unknown))) if unknown else nothing()
    return text.replace_strict(words, default=None, return_dtype=pl.String), findings


def _first_of_each(sheet: Sheet, rows: pl.DataFrame) -> pl.DataFrame:
    first = rows.unique(c.SITUACAO, keep="first", maintain_order=True)
    return noticed(sheet, UNKNOWN_STATUS, first[LINE], field=c.SITUACAO, values=first[c.SITUACAO])
