"""Product by day demand: gross sales by the day they were made, returns beside them."""

from typing import Final

import polars as pl

from app.domain import columns as c
from app.processing.values.statuses import Status

_NOTHING: Final = 1e-9
_SALE_OF_PRODUCT: Final = (c.LOJA, c.ID_VENDA, c.SKU)


def daily_demand(lines: pl.DataFrame) -> pl.DataFrame:
    """What each product sold on each day, from the clean lines of any period.

    Cancelled and pending sales count for nothing. A product taken back in full within its own sale was never sold.
    Everything else that came back (negative lines, quantities returned later, returned sales) is counted as returned on
    the day of the sale, and never makes demand negative.

    Returns:
        `sku`, `date`, `quantity`, `revenue`, `returned`, sorted by product and day; a day without a row sold nothing.
    """
    counts = pl.col(c.SITUACAO).is_in([Status.COMPLETED.value, Status.RETURNED.value])
    sold, units = pl.col(c.SITUACAO) == Status.COMPLETED.value, pl.col(c.QUANTIDADE)
    back = pl.when(sold).then((-units).clip(0)).otherwise(units.abs())
    movements = (
        _without_taken_back(lines)
        .lazy()
        .filter(counts)
        .select(
            c.SKU,
            pl.col(c.DATA_VENDA).alias(c.DATE),
            pl.when(sold).then(units.clip(0)).otherwise(0.0).alias(c.QUANTITY),
            pl.when(sold).then(pl.col(c.VALOR_TOTAL).clip(0)).otherwise(0.0).alias(c.REVENUE),
            (back + pl.col(c.QUANTIDADE_DEVOLVIDA)).alias(c.RETURNED),
        )
    )
    return movements.group_by(c.SKU, c.DATE).sum().sort(c.SKU, c.DATE).collect()


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
