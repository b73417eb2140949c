"""The catalogue of a company: what its sources say of a product, the first that says something being believed."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from app.domain.columns import CATEGORIA, DESCRICAO, SKU, UNIDADE
from app.pipeline.products import merged_products

CODES = st.sampled_from(["1", "02", "B", "b", "CX-9", "z"])
WORDS = st.none() | st.sampled_from(["caneca", "copo", "UN"])
COLUMNS = st.sets(st.sampled_from([DESCRICAO, UNIDADE, CATEGORIA]), min_size=1)


@st.composite
def sources(draw: st.DrawFn) -> pl.DataFrame:
    codes, names = draw(st.lists(CODES, unique=True)), sorted(draw(COLUMNS))
    values = [{SKU: code, **{name: draw(WORDS) for name in names}} for code in codes]
    return pl.DataFrame(values, schema=dict.fromkeys([SKU, *names], pl.String))


@given(st.lists(st.none() | sources(), min_size=1, max_size=4))
def test_of_each_column_the_first_source_that_says_something_is_believed(told: list[pl.DataFrame | None]) -> None:
    merged = merged_products(told)
    rows = [row for source in told if source is not None for row in source.to_dicts()]
    expected = [
        {SKU: code} | {name: _first(rows, code, name) for name in merged.columns if name != SKU}
        for code in sorted({row[SKU] for row in rows})
    ]
    assert_frame_equal(merged, pl.DataFrame(expected, schema=merged.schema))
    assert {name for row in rows for name in row} <= set(merged.columns)


def _first(rows: list[dict[str, str | None]], code: str, name: str) -> str | None:
    return next((row[name] for row in rows if row[SKU] == code and row.get(name) is not None), None)


def test_a_catalogue_that_says_nothing_new_is_the_published_one_itself() -> None:
    known = pl.DataFrame({SKU: ["1", "2"], DESCRICAO: ["caneca", None], UNIDADE: ["UN", "CX"]})
    assert merged_products([known.head(1), known]) is known
