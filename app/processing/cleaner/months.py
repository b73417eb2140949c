"""Clean lines by sales month, in memory while they are few and on disk when they are many."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c

IN_MEMORY: Final = 384 << 20  # bytes of lines held before they go to disk
_MONTH: Final = "month"


class Month(NamedTuple):
    """A calendar month."""

    year: int
    month: int


class MonthStore:
    """Frames of lines by month of `data_venda`, in the order they were added. Its files are in the folder given."""

    def __init__(self, folder: Path, *, in_memory: int = IN_MEMORY) -> None:
        self._folder = folder
        self._limit = in_memory
        self._held: defaultdict[Month, list[pl.DataFrame]] = defaultdict(list)
        self._files: defaultdict[Month, list[Path]] = defaultdict(list)
        self._size = 0
        self._numbers = count()

    def add(self, lines: Mapping[Month, pl.DataFrame]) -> None:
        """Lines as `by_month` sorts them."""
        for month, part in lines.items():
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


def by_month(lines: pl.DataFrame, kept: pl.Series) -> dict[Month, pl.DataFrame]:
    """The lines of each month that a mask picks, in their order."""
    month = (pl.col(c.DATA_VENDA).dt.year() * 100 + pl.col(c.DATA_VENDA).dt.month().cast(pl.Int32)).alias(_MONTH)
    picked = lines.with_columns(pl.when(kept).then(month))
    parts = picked.partition_by(_MONTH, as_dict=True, include_key=False, maintain_order=True)
    return {Month(*divmod(int(key[0]), 100)): part for key, part in parts.items() if key[0] is not None}
