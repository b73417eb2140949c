"""The raw copy of a file that is kept: as received, less what is personal.

A file without personal data is copied byte for byte. From any other the personal columns go, CPFs, e-mails and phones
in free text become `***`, and a first column `linha_original` says on which line of the customer's file each record
stood, so that a later reading reports the same lines. Encoding, delimiter, title lines and the heading's line stay.
"""

import csv
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from app.domain.contract import CONTRACT, Kind
from app.processing.columns.personal import PATTERN, masked, masked_column
from app.processing.reader.encoding import utf8_text
from app.processing.reader.records import LINE, OVERFLOW
from app.processing.reader.sheets import ORIGINAL_LINE, Sheet

_NOT_FREE: Final = frozenset({Kind.CODE, Kind.NUMBER, Kind.AMOUNT, Kind.DATE})
_BLOCK_BYTES: Final = 1 << 19  # a copy is made at the door, in a process that serves others meanwhile
_RAGGED: Final = "***"
_PATTERN: Final = re.compile(PATTERN)


def write_raw(sheet: Sheet, target: Path) -> None:
    """Writes the copy to keep, in the encoding of the file.

    Reading it with `recognise`, the same mappings and this encoding gives the same lines and findings. The encoding is
    to be handed on: with the personal columns go the letters that it was told by.
    """
    if not sheet.personal and not _says_personal_things(sheet):
        shutil.copyfile(sheet.path, target)
        return
    with target.open("wb") as sink:
        for part in _rewritten(sheet):
            sink.write(part.encode(sheet.dialect.encoding, errors="replace"))


def _says_personal_things(sheet: Sheet) -> bool:
    """Whether the titles or a column of free text hold someone's CPF, e-mail or phone."""
    if any(_PATTERN.search(line) for line in _titles(sheet)):
        return True
    free = _free_columns(sheet)
    return any(cells[name].str.contains(PATTERN).any() for cells in _cells(sheet) for name in free)


def _cells(sheet: Sheet) -> Iterator[pl.DataFrame]:
    return sheet.cells(block_bytes=_BLOCK_BYTES)


def _free_columns(sheet: Sheet) -> list[str]:
    """The columns that are kept and could say anything: texts, and whatever we do not use."""
    kinds = {field.name: field.kind for field in CONTRACT[sheet.table]}
    return [
        str(place)
        for place, column in enumerate(sheet.columns)
        if column.header not in {*sheet.personal, ORIGINAL_LINE}
        and (not column.field or kinds[column.field] not in _NOT_FREE)
    ]


def _titles(sheet: Sheet) -> list[str]:
    """The lines above the heading."""
    with sheet.path.open("rb") as file:
        head = utf8_text(file.read(1 << 20), sheet.dialect.encoding)
    text = head.replace("\r", "\n") if sheet.dialect.newline == "\r" else head.replace("\r\n", "\n")
    return text.split("\n")[: sheet.dialect.header_line - 1]


def _rewritten(sheet: Sheet) -> Iterator[str]:
    kept = [str(place) for place, column in enumerate(sheet.columns) if not _goes(sheet, column.header)]
    headings = [ORIGINAL_LINE, *(sheet.columns[int(name)].header for name in kept)]
    yield from (f"{masked(line)}\n" for line in _titles(sheet))
    yield _row(headings, sheet.dialect.delimiter)
    free = [name for name in kept if name in _free_columns(sheet)]
    for cells in _cells(sheet):
        rows = cells.with_columns(masked_column(cells[name]) for name in free)
        yield _without_ragged(rows, kept).write_csv(include_header=False, separator=sheet.dialect.delimiter)


def _goes(sheet: Sheet, header: str) -> bool:
    return header in sheet.personal or header == ORIGINAL_LINE


def _without_ragged(rows: pl.DataFrame, kept: list[str]) -> pl.DataFrame:
    """A row with too many cells may hold anything anywhere: only that it was there is kept."""
    ragged = pl.col(OVERFLOW).is_not_null()
    cells = [pl.when(~ragged).then(pl.col(name)).alias(name) for name in kept]
    marked = rows.select(LINE, *cells, pl.when(ragged).then(pl.lit(_RAGGED)).alias(OVERFLOW))
    return marked if marked[OVERFLOW].null_count() < marked.height else marked.drop(OVERFLOW)


def _row(cells: list[str], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return text.getvalue()
