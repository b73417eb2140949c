"""A sale that a later upload dates in another month, and numbers that merely come again."""

from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl

from app.domain import columns as c
from app.processing.cleaner.merging import SCHEMA
from app.processing.cleaner.redated import Arrived, redated, without

Sold = tuple[str, str, float]  # sale, product, quantity


def lines(sold: Sequence[Sold], *, branch: str | None = None) -> pl.DataFrame:
    rows = [
        {c.LOJA: branch, c.ID_VENDA: sale, c.SKU: sku, c.LINHA: 1, c.QUANTIDADE: quantity}
        for sale, sku, quantity in sold
    ]
    return pl.DataFrame(
        rows, schema={name: SCHEMA[name] for name in (c.LOJA, c.ID_VENDA, c.SKU, c.LINHA, c.QUANTIDADE)}
    )


def moved(published: Mapping[str, pl.DataFrame], arrived: Mapping[str, pl.DataFrame]) -> dict[str, list[str]]:
    found = redated(
        {month: frame.lazy() for month, frame in published.items()},
        {month: Arrived(partial(frame.get_column, c.ID_VENDA), frame.clone) for month, frame in arrived.items()},
    )
    return {month: sorted(sales[c.ID_VENDA]) for month, sales in found.items()}


MARCH = lines([("7", "PAO", 2), ("8", "PAO", 1), ("8", "BOLO", 1)])


def test_a_sale_that_says_the_same_under_another_month_was_moved() -> None:
    assert moved({"2026-03": MARCH}, {"2026-04": lines([("8", "bolo", 1), ("8", "pao", 1)])}) == {"2026-03": ["8"]}


def test_a_number_with_other_contents_is_another_sale() -> None:
    assert moved({"2026-03": MARCH}, {"2026-04": lines([("8", "PAO", 1)])}) == {}


def test_where_most_numbers_come_again_for_other_sales_a_chance_likeness_moves_nothing() -> None:
    april = lines([("7", "PAO", 2), ("8", "PAO", 9)])
    assert moved({"2026-03": MARCH}, {"2026-04": april}) == {}


def test_a_sale_that_the_upload_has_in_its_old_month_too_stays() -> None:
    assert moved({"2026-03": MARCH}, {"2026-03": MARCH, "2026-04": lines([("7", "PAO", 2)])}) == {}


def test_another_branch_counts_its_own_sales() -> None:
    assert moved({"2026-03": MARCH}, {"2026-04": lines([("7", "PAO", 2)], branch="Centro")}) == {}


def test_what_is_left_are_all_other_lines() -> None:
    gone = pl.DataFrame({c.LOJA: [None], c.ID_VENDA: ["8"]}, schema={c.LOJA: pl.String, c.ID_VENDA: pl.String})
    assert without(MARCH, gone)[c.ID_VENDA].to_list() == ["7"]
    assert without(MARCH, None).equals(MARCH)
