"""Sales too large for the shop they are in: reported, and held out of the forecast until someone looks at them.

Five lines of petrol counted in thousandths of a gallon, among 1.4 million of a grocer's, made its forecast worse than
none. A day of one product is held out when it is larger than the whole shop's median day, and either

    the product has sold on few days         . . . . 30,080 . . .      nothing shows that it ever sells like that
    or the day is many times its median one  2 3 1 2 10,000 2 3        it never did

Where most of what is sold is of products with few days (a shop of a few days or with dates by the month, one that sells
every piece once), few days are the rule and single nothing out: there the second condition stands alone. A product's
smaller days always stay, so that no history is emptied.
"""

import polars as pl

from app.domain.columns import DATE, QUANTITY, SKU

FEW_DAYS = 5  # days with a sale under which a product has no pattern
MANY_TIMES = 20  # its median day
MOSTLY = 0.5  # share of all products' days that those with a pattern must have for the others to stand out

HELD_OUT = {SKU: pl.String, DATE: pl.Date, QUANTITY: pl.Float64}


def out_of_pattern(daily: pl.DataFrame) -> pl.DataFrame:
    """The products' days to hold out: sku, date, quantity; the largest first.

    Args:
        daily: sku, date, quantity > 0; one row a product and day.
    """
    large = daily.filter(pl.col(QUANTITY) > _median_day(daily))
    if large.is_empty():
        return pl.DataFrame(schema=HELD_OUT)
    products = daily.group_by(SKU).agg(pl.len().alias("days"), pl.col(QUANTITY).median().alias("usual"))
    with_pattern = products.filter(pl.col("days") >= FEW_DAYS)["days"].sum()
    few = (pl.col("days") < FEW_DAYS) & (with_pattern >= MOSTLY * daily.height)
    return (
        large.join(products, on=SKU)
        .filter(few | (pl.col(QUANTITY) >= MANY_TIMES * pl.col("usual")))
        .sort(pl.col(QUANTITY), SKU, DATE, descending=[True, False, False])
        .select(pl.col(name).cast(kind) for name, kind in HELD_OUT.items())
    )


def _median_day(daily: pl.DataFrame) -> float:
    """Units that the whole shop sells on its median day with a sale."""
    return float(daily.group_by(DATE).agg(pl.col(QUANTITY).sum()).select(pl.col(QUANTITY).median()).item())
