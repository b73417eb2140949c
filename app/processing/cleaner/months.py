"""Clean lines by sales month, in memory while they are few and on disk when they are many."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain.errors import MonthTooLong

IN_MEMORY: Final = 512 << 20  # bytes of lines held before they go to disk; the process has some four times that
MOST_LINES: Final = (
    10_000_000  # of a month, which is settled and written as a whole, at some 250 bytes of memory a line
)
_MONTH: Final = "month"
_MOST_RUNS: Final = 64  # of lines of one month, in a block that is taken for one in the order of its dates


class Month(NamedTuple):
    """A calendar month."""

    year: int
    month: int


class MonthStore:
    """Frames of lines by month of `data_venda`, in the order they were added. Its files are in the folder given."""

    def __init__(self, folder: Path, *, in_memory: int = IN_MEMORY, most_lines: int = MOST_LINES) -> None:
        self._folder = folder
        self._limit = in_memory
        self._most_lines = most_lines
        self._heights: Counter[Month] = Counter()
        self._held: defaultdict[Month, list[pl.DataFrame]] = defaultdict(list)
        self._files: defaultdict[Month, list[Path]] = defaultdict(list)
        self._size = 0
        self._numbers = count()

    def add(self, lines: Mapping[Month, pl.DataFrame]) -> None:
        """Lines as `by_month` sorts them.

        Raises:
            MonthTooLong: one of the months has too many by now.
        """
        for month, part in lines.items():
            self._heights[month] += part.height
            if self._heights[month] > self._most_lines:
                raise MonthTooLong(month=f"{month.month:02}/{month.year}", limit=self._most_lines // 1_000_000)
            self._held[month].append(part)
            self._size += int(part.estimated_size())
        if self._size > self._limit:
            self._spill()

    def months(self) -> tuple[Month, ...]:
        """The months that have lines, earliest first."""
        return tuple(sorted({*self._held, *self._files}))

    def lines(self, month: Month, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The lines of one month, or some columns of them, in the order they were added."""
        wanted = pl.all() if columns is None else pl.col(columns)
        on_disk = [pl.scan_ipc(path).select(wanted).collect() for path in self._files.get(month, [])]
        return pl.concat([*on_disk, *(part.select(wanted) for part in self._held.get(month, []))])

    def _spill(self) -> None:
        for month, parts in self._held.items():
            path = self._folder / f"lines-{month.year:04}-{month.month:02}-{next(self._numbers)}.arrow"
            pl.concat(parts).write_ipc(path, compression="lz4")
            self._files[month].append(path)
        self._held.clear()
        self._size = 0


def by_month(lines: pl.DataFrame) -> dict[Month, pl.DataFrame]:
    """The lines of each month, in their order. Exports mostly go on from day to day, and then a month is one slice."""
    months = _months(lines[c.DATA_VENDA]).alias(_MONTH)
    runs = months.rle().struct.unnest()
    if runs.height > _MOST_RUNS:
        parts = lines.with_columns(months).partition_by(_MONTH, as_dict=True, include_key=False, maintain_order=True)
        return {_month(key[0]): part for key, part in parts.items()}
    slices: defaultdict[Month, list[pl.DataFrame]] = defaultdict(list)
    start = 0
    for length, number in runs.iter_rows():
        slices[_month(number)].append(lines.slice(start, length))
        start += length
    return {month: pl.concat(parts) for month, parts in slices.items()}


def _months(dates: pl.Series) -> pl.Series:
    """The number of each date's month. They are looked up by day, of which there are far fewer than of dates."""
    days = dates.to_physical()
    first, last = days.min(), days.max()
    if not isinstance(first, int) or not isinstance(last, int):
        return pl.Series(dtype=pl.Int32)
    every = pl.int_range(first, last + 1, dtype=pl.Int32, eager=True).cast(pl.Date)
    return (every.dt.year() * 12 + every.dt.month().cast(pl.Int32) - 1).gather(days - first)


def _month(number: int) -> Month:
    return Month(number // 12, number % 12 + 1)
