"""Values that differ: each of a column of few looked at once, and whether rows are all unlike."""

from typing import Final

import numpy as np
import polars as pl

_NOWHERE: Final = -1


class DifferentValues:
    """The values of a column of categories; `text` has each of them once, in no order, and no null."""

    def __init__(self, column: pl.Series) -> None:
        self._everywhere = column.to_physical()
        filled = column.is_not_null().arg_true().to_numpy() if column.null_count() else np.arange(len(column))
        codes = self._everywhere.drop_nulls().to_numpy()
        where = np.full(int(codes.max(initial=0)) + 1, _NOWHERE)  # of a value, some place
        where[codes] = filled
        self._codes = np.flatnonzero(where != _NOWHERE)
        self.text = column.gather(where[self._codes]).cast(pl.String)

    def put_back(self, made: pl.Series) -> pl.Series:
        """What was made of each different value, wherever that value stands; null where there was none."""
        if made.is_empty():
            return made.extend_constant(None, len(self._everywhere))
        by_code = _nothing(made.dtype, int(self._codes[-1]) + 1).scatter(self._codes, made)
        return by_code.gather(self._everywhere).alias(made.name)


def _nothing(dtype: pl.DataType, length: int) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, length)


def are_all_different(rows: pl.DataFrame) -> bool:
    """Whether no two rows are alike. By their hashes: quick, and where two of those are alike by chance, it says no."""
    hashes = np.sort(rows.select(pl.struct(pl.all()).hash()).to_series().to_numpy())
    return bool((hashes[1:] != hashes[:-1]).all())
