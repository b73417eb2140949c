"""The company's catalogue: what its products files said, and what its sales show where they said nothing."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Final

import polars as pl

from app.domain.columns import DESCRICAO, SKU, UNIDADE
from app.processing.cleaner.preparing import Prepared

_NOTHING: Final = pl.DataFrame(schema={SKU: pl.String, DESCRICAO: pl.String, UNIDADE: pl.String})
_LEFT_OUT: Final = "_left_out"
_MANY: Final = 8  # times as many codes to look among as there are to look up


def seen_in(prepared: Prepared) -> Iterator[pl.DataFrame]:
    """What the sales of an upload show of the products that its own catalogue lacks, the latest month first.

    Each frame has `sku`, and the last `descricao` and `unidade` the product was sold under.
    """
    unlisted = prepared.unlisted
    if unlisted is not None and unlisted.is_empty():
        return
    last = pl.col(DESCRICAO, UNIDADE).drop_nulls().last()
    for month in reversed(prepared.months):
        lines = prepared.names(month)
        lacking = lines if unlisted is None else lines.filter(lines[SKU].is_in(unlisted.implode()))
        yield lacking.group_by(SKU, maintain_order=True).agg(last)


def merged_products(sources: Iterable[pl.DataFrame | None]) -> pl.DataFrame:
    """One row a product, sorted by sku; of each column the first source that says something is believed.

    Every source has one row a product.
    """
    told = [source for source in sources if source is not None]
    return _sorted(reduce(_completed, told)) if told else _NOTHING


def _completed(products: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """The products with what they leave out told by `more`, and its other products after them."""
    if _has_all(more, products):
        return more  # as when a shop sends the same catalogue every month
    others = more.filter(~_is_in(more[SKU], products[SKU]))
    filled = _filled(products, more)
    return pl.concat([filled, others], how="diagonal_relaxed") if others.height else filled


def _has_all(known: pl.DataFrame, products: pl.DataFrame) -> bool:
    """Whether every row is among the known ones. By hashes: wrong once in some 10^14 changed rows of a catalogue."""
    if known.columns != products.columns or known.height < products.height:
        return False
    said = [name for name in known.columns if not (_is_unsaid(known[name]) and _is_unsaid(products[name]))]
    among = known.select(said).hash_rows().implode()
    return bool(products.select(said).hash_rows().is_in(among).all())


def _is_unsaid(column: pl.Series) -> bool:
    return column.null_count() == len(column)


def _is_in(codes: pl.Series, others: pl.Series) -> pl.Series:
    """Which codes are among others; when they are few, so are those they are looked up in."""
    near = others.filter(others.is_in(codes.implode())) if len(codes) < len(others) // _MANY else others
    return codes.is_in(near.implode())


def _sorted(products: pl.DataFrame) -> pl.DataFrame:
    return products if products[SKU].is_sorted() else products.sort(SKU)


def _filled(products: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """The products, with the values that are null or whose column is not there, as far as `more` has them."""
    said = [name for name in more.columns if name != SKU and not _is_unsaid(more[name])]
    new = {name: dtype for name, dtype in more.schema.items() if name not in products.columns}
    wide = products.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in new.items()) if new else products
    lacking = [name for name in said if wide[name].null_count()]
    if not lacking:
        return wide
    needy = wide.filter(pl.any_horizontal(pl.col(lacking).is_null())).select(SKU, *lacking)
    told = more.select(SKU, *lacking).filter(pl.col(SKU).is_in(needy[SKU].implode()))
    filled = _coalesced(needy, told, names=lacking)
    if filled.null_count().equals(needy.null_count()):
        return wide
    return _coalesced(wide, filled, names=lacking)


def _coalesced(products: pl.DataFrame, more: pl.DataFrame, *, names: Sequence[str]) -> pl.DataFrame:
    both = products.join(more, on=SKU, how="left", suffix=_LEFT_OUT, maintain_order="left")
    filled = both.with_columns(pl.coalesce(name, f"{name}{_LEFT_OUT}").alias(name) for name in names)
    return filled.select(products.columns)
