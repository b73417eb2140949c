"""Product by day demand: gross sales by the day they were made, returns beside them."""

from typing import Final

import numpy as np
import numpy.ma  # Polars asks for it whenever an array becomes a column: loaded with the rest, and not in the first job
import numpy.typing as npt
import polars as pl

from app.domain import columns as c
from app.processing.values.statuses import Status

Integers = npt.NDArray[np.int64]

_NOTHING: Final = 1e-9
_NEEDED: Final = (c.SKU, c.DATA_VENDA, c.SITUACAO, c.QUANTIDADE, c.QUANTIDADE_DEVOLVIDA, c.VALOR_TOTAL)
_COUNTED: Final = (Status.COMPLETED.value, Status.RETURNED.value)
_DAYS: Final = 1 << 20  # from 1970: more than any date has, so that a product and a day make one number
_SALE_OF_PRODUCT: Final = (c.LOJA, c.ID_VENDA, c.SKU)


def daily_demand(lines: pl.DataFrame) -> pl.DataFrame:
    """What each product sold on each day, from the clean lines of any period.

    Cancelled and pending sales count for nothing. A product taken back in full within its own sale was never sold.
    Everything else that came back (negative lines, quantities returned later, returned sales) is counted as returned on
    the day of the sale, and never makes demand negative.

    Returns:
        `sku`, `date`, `quantity`, `revenue`, `returned`, sorted by product and day; a day without a row sold nothing.
    """
    counted = _counted(_without_taken_back(lines).select(_NEEDED))
    products = counted[c.SKU].unique().sort()
    days = counted[c.DATA_VENDA].to_physical().cast(pl.Int64)
    code = counted[c.SKU].cast(pl.Enum(products)).to_physical().cast(pl.Int64)
    key = (code * _DAYS + days).to_numpy()  # one number a product and day sorts many times faster than the two of them
    order = np.argsort(key)
    groups, starts = _groups(key[order])
    sums = {name: _sums(column.to_numpy()[order], starts) for name, column in _movements(counted).items()}
    told = {c.SKU: products.gather(groups // _DAYS), c.DATE: _dates(groups % _DAYS), **sums}
    return pl.DataFrame(told)


def _counted(lines: pl.DataFrame) -> pl.DataFrame:
    """Less cancelled and pending sales; mostly there are none."""
    is_counted = lines[c.SITUACAO].is_in(_COUNTED)
    return lines if is_counted.all(ignore_nulls=False) else lines.filter(is_counted)


def _groups(ordered: Integers) -> tuple[Integers, Integers]:
    """Each value of an ordered array once, and where it starts."""
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    return ordered[starts], starts


def _sums(ordered: npt.NDArray[np.float64], starts: Integers) -> pl.Series:
    """The sum of each group; `reduceat` knows no empty array."""
    return pl.Series(np.add.reduceat(ordered, starts) if len(starts) else ordered, dtype=pl.Float64)


def _movements(lines: pl.DataFrame) -> dict[str, pl.Series]:
    """Units sold, their revenue, and units that came back, of each line."""
    sold, units = pl.col(c.SITUACAO) == Status.COMPLETED.value, pl.col(c.QUANTIDADE)
    back = pl.when(sold).then((-units).clip(0)).otherwise(units.abs())
    movements = lines.select(
        pl.when(sold).then(units.clip(0)).otherwise(0.0).alias(c.QUANTITY),
        pl.when(sold).then(pl.col(c.VALOR_TOTAL).clip(0)).otherwise(0.0).alias(c.REVENUE),
        (back + pl.col(c.QUANTIDADE_DEVOLVIDA)).alias(c.RETURNED),
    )
    return {column.name: column.fill_null(0.0) for column in movements}


def _dates(days: Integers) -> pl.Series:
    return pl.Series(days, dtype=pl.Int32).cast(pl.Date)


def _without_taken_back(lines: pl.DataFrame) -> pl.DataFrame:
    """Less the products whose lines in one sale add up to nothing, as when a till cancels an item."""
    negative = lines[c.QUANTIDADE] < 0
    if not negative.any():
        return lines
    of_product = [name for name in _SALE_OF_PRODUCT if lines[name].null_count() < lines.height]
    involved = lines.join(
        lines.filter(negative).select(of_product).unique(), on=of_product, how="semi", nulls_equal=True
    )
    nothing_left = (
        involved.group_by(of_product)
        .agg(pl.col(c.QUANTIDADE).sum(), (pl.col(c.QUANTIDADE) > 0).any().alias("sold"))
        .filter(pl.col("sold") & (pl.col(c.QUANTIDADE).abs() < _NOTHING))
    )
    return lines.join(nothing_left, on=of_product, how="anti", nulls_equal=True)
