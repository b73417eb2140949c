"""What is known about a file before its rows are read: which table it is, how it is written, which column is which."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from app.domain.uploads import Table
from app.processing.columns.headings import normalised
from app.processing.reader.encoding import BLOCK_BYTES, utf8_blocks
from app.processing.reader.records import LINE, OVERFLOW, Layout, frames
from app.processing.values.dates import DateStyle
from app.processing.values.numbers import NumberStyle

SHEET: Final = "sheet"  # [Int32] of rows of several files: the place of theirs among them
ORIGINAL_LINE: Final = "linha_original"  # first column of raw copies whose line numbers are no longer the file's own


@dataclass(frozen=True)
class Limits:
    """What one upload may weigh."""

    max_bytes: int = 500_000_000
    max_columns: int = 2_000
    max_zip_files: int = 20
    max_zip_ratio: int = 200


class ColumnMatch(NamedTuple):
    """One column of a file: the customer's heading, our field (None: kept, not used), and how sure we are."""

    header: str
    field: str | None
    confidence: float
    samples: tuple[str, ...]


class Doubt(NamedTuple):
    """A column whose style could not be told from its values; `line` shows the first of them."""

    rule: str
    field: str
    value: str
    line: int


@dataclass(frozen=True)
class Dialect:
    """How a file is written. Lines count from 1; styles are by field."""

    encoding: str
    delimiter: str
    header_line: int
    header_height: int = 1  # physical lines the heading takes
    newline: str = "\n"
    numbers: Mapping[str, NumberStyle] = field(default_factory=dict)
    dates: Mapping[str, DateStyle] = field(default_factory=dict)
    repetitive: frozenset[int] = frozenset()  # places of the columns of numbers that few values fill
    doubts: tuple[Doubt, ...] = ()

    @property
    def first_line(self) -> int:
        """The line of the first record."""
        return self.header_line + self.header_height


@dataclass(frozen=True)
class Sheet:
    """A file that was recognised as one of the three tables."""

    table: Table
    name: str
    path: Path
    dialect: Dialect
    columns: tuple[ColumnMatch, ...]
    personal: tuple[str, ...]  # headings never kept
    tab: str | None = None  # of the workbook it was in
    hidden_tabs: tuple[str, ...] = ()  # of that workbook, tables that nobody sees and that were not read
    repeats: str | None = None  # name of the earlier file of the upload that is the same to the last byte

    @property
    def header_hash(self) -> str:
        """The same for every file with the same headings: what a remembered mapping is filed under."""
        headings = "\n".join(normalised(column.header) for column in self.columns)
        return hashlib.sha256(headings.encode()).hexdigest()[:16]

    @property
    def layout(self) -> Layout:
        """How its records are laid out."""
        return Layout(self.dialect.delimiter, len(self.columns))

    @property
    def has_own_lines(self) -> bool:
        """Whether the first column says on which line of the original each record stood."""
        return bool(self.columns) and self.columns[0].header == ORIGINAL_LINE

    @property
    def positions(self) -> dict[str, int]:
        """Where each field stands."""
        return {column.field: place for place, column in enumerate(self.columns) if column.field}

    def header_of(self, name: str) -> str | None:
        """The customer's heading of a field; None when the file does not have it."""
        place = self.positions.get(name)
        return None if place is None else self.columns[place].header

    def has(self, name: str) -> bool:
        """Whether the file has the field."""
        return name in self.positions

    def cells(self, *, block_bytes: int = BLOCK_BYTES, categories: bool = False) -> Iterator[pl.DataFrame]:
        """The records in blocks: `line`, one string column a cell (`0`, `1`, ...), `overflow`.

        Large blocks are read fastest; the memory they take is some fifteen times theirs. With `categories`, columns of
        numbers that few values fill are categories instead, so that each of their values is looked at once.
        """
        dialect = self.dialect
        text = utf8_blocks(
            self.path,
            encoding=dialect.encoding,
            newline=dialect.newline,
            skip_lines=dialect.first_line - 1,
            block_bytes=block_bytes,
        )
        layout = self.layout._replace(repetitive=dialect.repetitive) if categories else self.layout
        blocks = frames(text, layout=layout, first_line=dialect.first_line)
        return map(self.with_original_lines, blocks)

    def with_original_lines(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells of a raw copy with the line numbers it remembers; others as they are."""
        if not self.has_own_lines:
            return cells
        return cells.with_columns(pl.coalesce(pl.col("0").cast(pl.UInt32, strict=False), LINE).alias(LINE))

    def as_json(self) -> dict[str, object]:
        """The part of the report that says how the file was understood."""
        shown = [column for column in self.columns if column.header != ORIGINAL_LINE]
        return {
            "file": self.name,
            "dialect": _dialect_as_json(self),
            "columns": [
                {"header": c.header, "field": c.field, "confidence": c.confidence, "samples": list(c.samples)}
                for c in shown
            ],
            "personal": list(self.personal),
            "hidden_tabs": list(self.hidden_tabs),
            "header_hash": self.header_hash,
        }


def _dialect_as_json(sheet: Sheet) -> dict[str, object]:
    dialect = sheet.dialect
    return {
        "tab": sheet.tab,
        "encoding": dialect.encoding,
        "delimiter": dialect.delimiter,
        "header_line": dialect.header_line,
        "numbers": {sheet.header_of(name): style.value for name, style in dialect.numbers.items()},
        "dates": {sheet.header_of(name): style.value for name, style in dialect.dates.items()},
    }


__all__ = ["LINE", "OVERFLOW", "SHEET", "ColumnMatch", "Dialect", "Doubt", "Limits", "Sheet"]
