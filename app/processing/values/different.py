"""Values that differ: each of a column of few looked at once, and whether rows are all unlike."""

import polars as pl


class DifferentValues:
    """The values of a column of categories; `text` has each of them once, in no order, and no null."""

    def __init__(self, column: pl.Series) -> None:
        self._everywhere = column.to_physical()
        filled = column.is_not_null().arg_true()
        codes = self._everywhere.gather(filled) if column.null_count() else self._everywhere
        where = _nothing(pl.UInt32(), _count(codes)).scatter(codes, filled)  # of a value, some place
        self._codes = where.is_not_null().arg_true()
        self.text = column.gather(where.gather(self._codes)).cast(pl.String)

    def put_back(self, made: pl.Series) -> pl.Series:
        """What was made of each different value, wherever that value stands; null where there was none."""
        if made.is_empty():
            return made.extend_constant(None, len(self._everywhere))
        by_code = _nothing(made.dtype, self._codes.item(-1) + 1).scatter(self._codes, made)
        return by_code.gather(self._everywhere).alias(made.name)


def _count(codes: pl.Series) -> int:
    highest = codes.max()
    return highest + 1 if isinstance(highest, int) else 0


def _nothing(dtype: pl.DataType, length: int) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, length)


def are_all_different(rows: pl.DataFrame) -> bool:
    """Whether no two rows are alike. By their hashes: quick, and where two of those are alike by chance, it says no."""
    return bool(rows.select(pl.struct(pl.all()).hash().n_unique()).item() == rows.height)
