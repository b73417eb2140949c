"""A column of few different values, of which each is looked at once."""

import polars as pl


class DifferentValues:
    """The values of a column of categories; `text` has each of them once, in no order, and no null."""

    def __init__(self, column: pl.Series) -> None:
        different = column.unique().drop_nulls()
        self.text = different.cast(pl.String)
        self._everywhere = column.to_physical()
        self._by_code = different.to_physical().arg_sort()
        self._codes = different.to_physical().gather(self._by_code)

    def put_back(self, made: pl.Series) -> pl.Series:
        """What was made of each different value, wherever that value stands; null where there was none."""
        if made.is_empty():
            return made.extend_constant(None, len(self._everywhere))
        highest = self._codes.item(-1)
        nothing = pl.Series(made.name, [None], dtype=made.dtype).new_from_index(0, highest + 1)
        return nothing.scatter(self._codes, made.gather(self._by_code)).gather(self._everywhere)
