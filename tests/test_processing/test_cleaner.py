from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from app.processing.cleaner.merging import NO_LINES, SCHEMA, merge
from app.processing.feature_engineering import daily_demand
from tests.test_processing.at_hand import Desk, found, lines_of, rows

HEAD = "Número do pedido;Data da venda;Código (SKU);Quantidade;Valor unitário;Situação\n"


def clean(*lines: tuple[str, int, str, float, str]) -> pl.DataFrame:
    """Lines of one day: sale, line, product, quantity at 2,00 each, situation."""
    return pl.DataFrame(
        [
            (sale, line, date(2026, 9, 18), status, sku, None, quantity, 0.0, "UN", 2.0, 2.0 * quantity, None, None)
            for sale, line, sku, quantity, status in lines
        ],
        schema=SCHEMA,
        orient="row",
    )


def test_the_same_upload_again_changes_nothing() -> None:
    month = clean(("1", 1, "A", 2, "concluida"), ("1", 2, "A", 1, "concluida"))
    merged = merge(month, month)
    assert (merged.already_there, merged.added, merged.changed) == (2, 0, 0)
    assert merged.lines.sort("linha").equals(month)


def test_a_later_export_carries_the_cancellation_and_adds_what_is_new() -> None:
    earlier = clean(("1", 1, "A", 2, "concluida"), ("2", 1, "A", 1, "concluida"))
    later = clean(("2", 1, "a", 1, "cancelada"), ("3", 1, "B", 4, "concluida"))
    merged = merge(earlier, later)
    assert (merged.already_there, merged.added, merged.changed) == (1, 1, 1)
    assert merged.lines.select("id_venda", "sku", "situacao").rows() == [
        ("1", "A", "concluida"),
        ("2", "a", "cancelada"),
        ("3", "B", "concluida"),
    ]


def test_a_first_month_is_all_new() -> None:
    merged = merge(NO_LINES, clean(("1", 1, "A", 2, "concluida")))
    assert (merged.already_there, merged.added, merged.changed) == (0, 1, 0)


any_lines = st.lists(
    st.tuples(
        st.sampled_from("123"),
        st.integers(1, 3),
        st.sampled_from("AB"),
        st.integers(1, 9).map(float),
        st.sampled_from(("concluida", "cancelada")),
    ),
    unique_by=lambda line: line[:3],
)


@settings(max_examples=50, deadline=None)
@given(any_lines, any_lines)
def test_whatever_the_months_the_upload_wins_and_nothing_is_lost(
    earlier: list[tuple[str, int, str, float, str]], later: list[tuple[str, int, str, float, str]]
) -> None:
    truth = {line[:3]: line[3:] for line in earlier} | {line[:3]: line[3:] for line in later}
    merged = merge(clean(*earlier), clean(*later))
    out = merged.lines.select("id_venda", "linha", "sku", "quantidade", "situacao").rows()
    assert {row[:3]: row[3:] for row in out} == truth
    assert len(out) == len(truth)
    assert merged.added + merged.already_there == len(later)
    assert merge(merged.lines, clean(*later)).changed == 0


def test_lines_of_one_product_in_one_sale_are_told_apart_by_occurrence(desk: Desk) -> None:
    text = HEAD + "1;18/09/2026;A;1;2,00;Pago\n1;18/09/2026;A;1;2,00;Pago\n1;18/09/2026;A;3;2,00;Pago\n"
    prepared = desk.items(text)
    assert lines_of(prepared).select("linha", "quantidade").rows() == [(1, 1.0), (2, 1.0), (3, 3.0)]
    assert found(prepared) == [(3, "identical-line", "Código (SKU)", "A")]


def test_an_item_number_seen_twice_counts_once_the_last(desk: Desk) -> None:
    text = "Pedido;Item da venda;Data;SKU;Quantidade\n1;1;18/09/2026;A;1\n1;2;18/09/2026;A;5\n1;1;18/09/2026;A;2\n"
    prepared = desk.items(text)
    assert lines_of(prepared).select("linha", "quantidade").rows() == [(2, 5.0), (1, 2.0)]
    assert rows(prepared) == (3, 2, 0, 1)
    assert found(prepared) == [(2, "repeated-item", "SKU", "A")]


def test_overlapping_files_of_one_upload_are_one_history(desk: Desk) -> None:
    first = HEAD + "1;18/09/2026;A;1;2,00;Pago\n2;18/09/2026;A;1;2,00;Pago\n"
    second = HEAD + "2;18/09/2026;A;1;2,00;Cancelado\n3;18/09/2026;A;1;2,00;Pago\n"
    prepared = desk.prepare(desk.file(first, name="a.csv"), desk.file(second, name="b.csv"))
    assert lines_of(prepared).select("id_venda", "situacao").rows() == [
        ("1", "concluida"),
        ("2", "cancelada"),
        ("3", "concluida"),
    ]
    assert rows(prepared) == (4, 3, 0, 1)


def test_demand_is_gross_sales_with_returns_beside_them() -> None:
    """
    sale  line  product  quantity  situation   counts as
    1     1     A         3        concluida   3 sold
    1     2     A        -1        concluida   1 returned
    2     1     A         2        cancelada   nothing
    3     1     A         4        pendente    nothing
    4     1     A         5        devolvida   5 returned
    5     1     A         1        concluida   nothing: taken back in the same sale
    5     2     A        -1        concluida   nothing
    6     1     B        -2        concluida   2 returned
    """
    demand = daily_demand(
        clean(
            ("1", 1, "A", 3, "concluida"),
            ("1", 2, "A", -1, "concluida"),
            ("2", 1, "A", 2, "cancelada"),
            ("3", 1, "A", 4, "pendente"),
            ("4", 1, "A", 5, "devolvida"),
            ("5", 1, "A", 1, "concluida"),
            ("5", 2, "A", -1, "concluida"),
            ("6", 1, "B", -2, "concluida"),
        )
    )
    day = date(2026, 9, 18)
    assert demand.rows() == [("A", day, 3.0, 6.0, 6.0), ("B", day, 0.0, 0.0, 2.0)]
