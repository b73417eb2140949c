"""Excel workbooks to CSV: one line a row, so that line numbers are Excel's row numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import fastexcel
import polars as pl

from app.domain.errors import NotATable
from app.processing.columns.matching import is_known
from app.processing.reader.dialect import TITLE_LINES, too_wide
from app.processing.reader.extents.area import broken_workbook
from app.processing.reader.sheets import Limits

MOST_TABS: Final = 30  # that are tables
_MOST_LOOKED_AT: Final = 255
_PANIC: Final = "PanicException"  # of pyo3: no `Exception`, and cannot be imported
_LEAST_KNOWN: Final = 2


class Tab(NamedTuple):
    """A tab that looks like a table, and the row of its heading, from 1."""

    name: str
    heading_row: int


class Tables(NamedTuple):
    """Tabs that look like tables: those to read, and the names of those that nobody sees."""

    read: list[Tab]
    hidden: tuple[str, ...]


class Workbook:
    """An Excel file whose tabs can be looked at and written out.

    Raises:
        NotATable: it cannot be opened.
    """

    def __init__(self, path: Path, *, name: str, limits: Limits) -> None:
        self._name = name
        self._limits = limits
        self._tops: dict[str, pl.DataFrame] = {}  # for each its reader went through the whole tab
        with _refusing(name, fastexcel.FastExcelError, OSError, ValueError):
            self._reader = fastexcel.read_excel(path)

    def tables(self, *, only: str | None = None) -> Tables:
        """The tabs to read: the one that is named, hidden or not, or each visible one that is a table.

        Whoever opens the workbook sees those: the lines of a hidden tab must not replace theirs.

        Raises:
            NotATable: no tab has that name, or there are too many.
        """
        if only is not None:
            tab = self._named(only)
            row, _ = self._looked_at(tab)
            return Tables([Tab(tab, row)] if row else [], ())
        if len(self._reader.sheet_names) > _MOST_LOOKED_AT:
            raise self._too_many(_MOST_LOOKED_AT)
        read, hidden = [], []
        for tab in self._reader.sheet_names:
            row, is_seen = self._looked_at(tab)
            if row and is_seen:
                read.append(Tab(tab, row))
            elif row:
                hidden.append(tab)
        if len(read) > MOST_TABS:
            raise self._too_many(MOST_TABS)
        return Tables(read, tuple(hidden))

    def _too_many(self, most: int) -> NotATable:
        return NotATable(
            file=self._name,
            reason=f"tem mais de {most} abas; divida em mais arquivos, ou diga qual aba ler",
            reason_en=f"it has over {most} tabs; divide it into more files, or name the tab to read",
        )

    def _named(self, wanted: str) -> str:
        """The tab of this name, as the workbook writes it: capitals and small letters are the same to Excel, too."""
        for tab in self._reader.sheet_names:
            if tab.strip().casefold() == wanted.strip().casefold():
                return tab
        there = ", ".join(self._reader.sheet_names[:MOST_TABS])
        raise NotATable(
            file=self._name,
            reason=f"não tem a aba {wanted}; tem {there}",
            reason_en=f"it has no tab {wanted}; it has {there}",
        )

    def write_csv(self, tab: str, *, heading_row: int, target: Path) -> bool:
        """One tab as CSV (`;`, UTF-8): titles and heading as text, numbers with a decimal comma, dates year first.

        Returns:
            Whether anything stands below the heading.

        Raises:
            NotATable: it has more columns than are read.
        """
        top = self._tops[tab].head(heading_row)
        if top.width > self._limits.max_columns:
            raise too_wide(self._name, self._limits)
        body = self._load(tab, skip=heading_row, typed=True)
        with target.open("wb") as sink:
            for part in (top, body.select(map(_as_text, body.iter_columns()))):
                part.select(pl.all().str.replace_all(r"[\r\n]+", " ")).write_csv(
                    sink, include_header=False, separator=";"
                )
        return any(column.null_count() < body.height for column in body.iter_columns())

    def _looked_at(self, tab: str) -> tuple[int | None, bool]:
        """The row, from 1, that names the most columns we know, and whether the tab is seen."""
        sheet = self._sheet(tab, rows=TITLE_LINES, typed=False)
        top = self._tops[tab] = sheet.to_polars()
        known = [sum(is_known(cell) for cell in row if cell) for row in top.iter_rows()]
        most = max(known, default=0)
        return known.index(most) + 1 if most >= _LEAST_KNOWN else None, sheet.visible == "visible"

    def _load(self, tab: str, *, typed: bool, rows: int | None = None, skip: int = 0) -> pl.DataFrame:
        with _refusing(self._name, fastexcel.FastExcelError):
            return self._sheet(tab, typed=typed, rows=rows, skip=skip).to_polars()

    def _sheet(self, tab: str, *, typed: bool, rows: int | None = None, skip: int = 0) -> fastexcel.ExcelSheet:
        with _refusing(self._name, fastexcel.FastExcelError):
            return self._reader.load_sheet(
                tab,
                header_row=None,
                skip_rows=skip,
                n_rows=rows,
                schema_sample_rows=None if typed else 1,
                dtypes=None if typed else "string",
            )


@contextmanager
def _refusing(name: str, *known: type[Exception]) -> Iterator[None]:
    """Say of a workbook that it is broken, also where its reader did not foresee how."""
    try:
        yield
    except known as error:
        raise broken_workbook(name) from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise broken_workbook(name) from error


def _as_text(column: pl.Series) -> pl.Series:
    """A typed column as a Brazilian would have typed it."""
    if column.dtype == pl.Float64:
        whole = (column.drop_nulls() % 1 == 0).all()
        return column.cast(pl.Int64).cast(pl.String) if whole else _with_comma(column)
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%d %H:%M:%S")
    return column.cast(pl.String)


def _with_comma(column: pl.Series) -> pl.Series:
    return column.cast(pl.String).str.replace(".", ",", literal=True)
