"""The company's catalogue: what its products files said, and what its sales show where they said nothing."""

from collections.abc import Iterable

import polars as pl

from app.domain.columns import DESCRICAO, SKU, UNIDADE


def seen_in(lines: pl.DataFrame) -> pl.DataFrame:
    """The products of some clean lines, by the last name and unit they were sold under: sku, descricao, unidade."""
    last = pl.col(DESCRICAO, UNIDADE).drop_nulls().last()
    return lines.group_by(SKU, maintain_order=True).agg(last)


def merged_products(sources: Iterable[pl.DataFrame | None]) -> pl.DataFrame:
    """One row a product, sorted by sku; of each column the first source that says something is believed."""
    told = pl.concat([source for source in sources if source is not None], how="diagonal_relaxed")
    return told.group_by(SKU, maintain_order=True).agg(pl.all().drop_nulls().first()).sort(SKU)
