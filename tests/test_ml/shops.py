"""Small shops drawn for tests."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from app.ml.demand import Demand

FIRST = date(2024, 1, 1)  # a Monday


def shop(
    sales: Mapping[str, Sequence[float]],
    *,
    first: date = FIRST,
    categories: Mapping[str, str] | None = None,
    price: float = 2.0,
) -> Demand:
    """A shop from its daily sales: `{"A": [1, 0, 2]}` sold one on the first day, two on the third."""
    rows = [
        (sku, first + timedelta(days=day), float(units), float(units) * price, 0.0)
        for sku, daily in sales.items()
        for day, units in enumerate(daily)
        if units != 0
    ]
    days = max(len(daily) for daily in sales.values())
    columns = {
        "sku": pl.String,
        "date": pl.Date,
        "quantity": pl.Float64,
        "revenue": pl.Float64,
        "returned": pl.Float64,
    }
    named = {
        "sku": list(sales),
        "descricao": [f"Produto {sku}" for sku in sales],
        "categoria": [(categories or {}).get(sku) for sku in sales],
        "preco_venda": [None] * len(sales),
        "unidade": ["un"] * len(sales),
    }
    products = pl.DataFrame(named, schema_overrides={"categoria": pl.String, "preco_venda": pl.Float64})
    last = first + timedelta(days=days - 1)
    return Demand(pl.DataFrame(rows, schema=columns, orient="row"), products, first, last, "11222333000181")


def corner_shop(*, days: int = 400, products: int = 40, seed: int = 7) -> Demand:
    """A shop with a week and a year: busy Saturdays, closed Sundays, products of every pace in four categories."""
    random = np.random.default_rng(seed)
    day = np.arange(days)
    season = (1 + 0.3 * np.sin(2 * np.pi * day / 365.25)) * np.array([1, 1, 1, 1, 1.5, 2, 0])[day % 7]
    paces = np.geomspace(0.02, 20, products)
    units = random.poisson(paces[:, None] * season)
    sales = {f"P{product:02d}": units[product].tolist() for product in range(products)}
    return shop(sales, categories={sku: f"Categoria {place % 4}" for place, sku in enumerate(sales)})
