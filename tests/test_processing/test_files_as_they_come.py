"""Real-life shapes of files, small enough to see at a glance."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from app.domain.cnpj import Cnpj
from app.domain.errors import BadInput, EmptyFile, MissingColumn, NotATable, UploadTooLarge, WrongKindOfFile
from app.domain.uploads import IncomingFile, Table
from app.processing.reader.recognition import write_raw
from app.processing.reader.sheets import Limits
from tests.test_processing.at_hand import Desk, found, lines_of, rows

HEAD = "Número do pedido;Data da venda;Código (SKU);Quantidade;Valor unitário\n"


def test_a_tiny_report_with_titles_windows_1252_and_a_footer(desk: Desk) -> None:
    text = (
        "Relatório de vendas por produto\r\n"
        "Período: 18/09/2026 a 18/09/2026\r\n"
        "Número;Data;Situação;Cliente;Código;Descrição;Quantidade;Nota Fiscal;Data da nota;Situação da nota\r\n"
        "101;18/09/2026;Faturada;José da Silva;CAF-1;Café torrado;2;9001;18/09/2026;Autorizada\r\n"
        "102;18/09/2026;Cancelada;Maria;PAO-1;Pão francês;9;9002;18/09/2026;Cancelada\r\n"
        "Total;;;;;;11;;;\r\n"
    )
    file = desk.file(text, encoding="cp1252")
    (sheet,) = desk.recognise(file)
    assert (sheet.dialect.encoding, sheet.dialect.delimiter, sheet.dialect.header_line) == ("cp1252", ";", 3)
    assert sheet.personal == ("Cliente",)
    prepared = desk.prepare(file)
    assert rows(prepared) == (3, 2, 0, 1)
    assert lines_of(prepared).select("id_venda", "sku", "descricao", "situacao", "quantidade").rows() == [
        ("101", "CAF-1", "Café torrado", "concluida", 2.0),
        ("102", "PAO-1", "Pão francês", "cancelada", 9.0),
    ]
    assert (6, "total-row", None, None) in found(prepared)


def test_old_tills_write_cp850(desk: Desk) -> None:
    text = "Número;Data;Situação;Código;Descrição;Quantidade\n1;18/09/2026;Concluída;1;Pão de ló, maçã;2\n"
    (sheet,) = desk.recognise(desk.file(text, encoding="cp850"))
    assert sheet.dialect.encoding == "cp850"
    assert lines_of(desk.items(text, encoding="cp850"))["descricao"].to_list() == ["Pão de ló, maçã"]


def test_capitals_alone_tell_dos_from_windows(desk: Desk) -> None:
    text = "CUPOM;DATA;CÓDIGO;QTD\n1;18/09/2026;PÓ;1\n"
    for encoding in ("cp850", "cp1252"):
        (sheet,) = desk.recognise(desk.file(text, encoding=encoding))
        assert sheet.dialect.encoding == encoding


def test_excel_unicode_text_is_utf_16_with_tabs(desk: Desk) -> None:
    text = "Número\tData\tCódigo\tDescrição\tQuantidade\r\n1\t18/09/2026\t1\tPão\t2,5\r\n"
    prepared = desk.items(text, encoding="utf-16")
    assert lines_of(prepared).select("descricao", "quantidade").rows() == [("Pão", 2.5)]


def test_files_glued_from_two_systems_stay_readable(desk: Desk) -> None:
    text = HEAD.replace(";Quantidade", ";Produto;Quantidade")
    glued = (text + "1;18/09/2026;1;Pão;1;2,00\n").encode() + "2;18/09/2026;2;Maçã verde;1;2,00\n".encode("cp1252")
    prepared = desk.prepare(desk.file(glued))
    assert lines_of(prepared)["descricao"].to_list() == ["Pão", "Maçã verde"]


def test_quoted_line_breaks_keep_the_lines_of_the_file(desk: Desk) -> None:
    text = (
        'Número do pedido;Data;SKU;Produto;Quantidade\n1;18/09/2026;A;"Caneca\nazul\n300 ml";1\n2;18/09/2026;B;x;dois\n'
    )
    prepared = desk.items(text)
    assert lines_of(prepared)["descricao"].to_list() == ["Caneca\nazul\n300 ml"]
    assert found(prepared) == [(5, "unreadable-quantity", "Quantidade", "dois")]


def test_a_lone_carriage_return_in_a_cell_ends_no_line(desk: Desk) -> None:
    text = 'Pedido;Data;SKU;Produto;Quantidade\n1;18/09/2026;A;"Caneca ""2""\r8""\nazul";1\n2;18/09/2026;B;Copo;1\n'
    assert lines_of(desk.items(text))["sku"].to_list() == ["A", "B"]


def test_inches_and_stray_quotes_lose_no_row(desk: Desk) -> None:
    text = HEAD.replace(";Quantidade", ";Produto;Quantidade") + "".join(
        f"{n};18/09/2026;S{n};{name};1;2,00\n"
        for n, name in enumerate(('TV 32" LED', '"Promo', "caneca", 'Monitor 19"', '"bem "citado""'), start=1)
    )
    prepared = desk.items(text)
    assert rows(prepared) == (5, 5, 0, 0)
    assert lines_of(prepared)["sku"].to_list() == ["S1", "S2", "S3", "S4", "S5"]


def test_numbers_and_codes_come_in_every_dress(desk: Desk) -> None:
    text = HEAD + (
        '1;18/09/2026;="000123";1;R$ 1.234,50\n'
        "2;18/09/2026;'000124;2;\u00a010,00\n"
        "3;18/09/2026;7,891234567895E+12;3;(1,50)\n"
        "4;18/09/2026;7,89E+12;4;2,00\n"
        "5;18/09/2026;125.0;-2;2,00\n"
        "6;18/09/2026;126;3-;2,00\n"
    )
    prepared = desk.items(text)
    assert lines_of(prepared).select("sku", "quantidade", "preco_unitario").rows() == [
        ("000123", 1.0, 1234.5),
        ("000124", 2.0, 10.0),
        ("7891234567895", 3.0, None),
        ("125", -2.0, 2.0),
        ("126", -3.0, 2.0),
    ]
    assert found(prepared) == [
        (4, "negative-amount", "Valor unitário", "(1,50)"),
        (5, "scientific-code", "Código (SKU)", "7,89E+12"),
    ]


def test_the_style_of_numbers_is_the_columns(desk: Desk) -> None:
    """`1.234` follows the column; what cannot be of the column's style is read and pointed out."""
    text = HEAD + "1;18/09/2026;A;1;1.234\n2;18/09/2026;A;1;94.58\n3;18/09/2026;A;1;10,50\n4;18/09/2026;A;1;7,90\n"
    prepared = desk.items(text)
    assert lines_of(prepared)["preco_unitario"].to_list() == [1234.0, 94.58, 10.5, 7.9]
    assert found(prepared) == [(3, "other-number-style", "Valor unitário", "94.58")]


def test_a_column_of_only_ambiguous_numbers_follows_the_file_with_a_warning(desk: Desk) -> None:
    text = HEAD + "1;18/09/2026;A;1.234;10.50\n2;18/09/2026;A;2.000;7.90\n"
    prepared = desk.items(text)
    assert lines_of(prepared)["quantidade"].to_list() == [1.234, 2.0]
    assert found(prepared) == [(2, "ambiguous-numbers", "Quantidade", "1.234")]


def test_a_thousand_and_one_kilo_are_told_apart_by_the_total(desk: Desk) -> None:
    head = "Pedido;Data;SKU;Quantidade;Valor unitário;Valor total\n"
    kilos = desk.items(head + "1;18/09/2026;A;1,250;10,00;12,50\n2;18/09/2026;A;2,000;10,00;20,00\n")
    assert lines_of(kilos)["quantidade"].to_list() == [1.25, 2.0]
    thousands = desk.items(head + "1;18/09/2026;A;1,250;0,10;125,00\n2;18/09/2026;A;2,000;0,10;200,00\n")
    assert lines_of(thousands)["quantidade"].to_list() == [1250.0, 2000.0]
    assert found(kilos) == found(thousands) == []


def test_month_first_is_found_out_and_only_low_days_are_doubted(desk: Desk) -> None:
    american = HEAD + "1;09/08/2026;A;1;1,00\n2;09/28/2026;A;1;1,00\n"
    assert lines_of(desk.items(american))["data_venda"].to_list() == [date(2026, 9, 8), date(2026, 9, 28)]
    doubtful = desk.items(HEAD + "1;09/08/2026;A;1;1,00\n")
    assert lines_of(doubtful)["data_venda"].to_list() == [date(2026, 8, 9)]
    assert found(doubtful) == [(2, "ambiguous-dates", "Data da venda", "09/08/2026")]


@pytest.mark.parametrize(
    "written",
    [
        "18/09/2026 14:42",
        "2026-09-18",
        "20260918",
        "2026-09-18T23:30:00-03:00",
        "46283",
        "18 de setembro de 2026 11:00 hs.",
    ],
)
def test_dates_come_in_many_shapes(desk: Desk, written: str) -> None:
    text = HEAD + f"1;{written};A;1;1,00\n"
    assert lines_of(desk.items(text))["data_venda"].to_list() == [date(2026, 9, 18)]


def test_digits_of_other_scripts_are_no_dates_and_no_numbers(desk: Desk) -> None:
    prepared = desk.items("Pedido;Data;SKU;Qtd\n1;31/10/2026;A;2\n2;٣١/١٠/٢٠٢٦;A;2\n3;31/10/2026;A;٢\n")
    assert rows(prepared) == (3, 1, 2, 0)
    assert {(line, rule) for line, rule, *_ in found(prepared)} == {(3, "unreadable-date"), (4, "unreadable-quantity")}


def test_each_bad_row_says_its_line_column_value_and_rule(desk: Desk) -> None:
    text = HEAD + (
        ";18/09/2026;A;1;1,00\n"  # 2
        "2;;A;1;1,00\n"
        "3;31/02/2026;A;1;1,00\n"
        "4;18/09/2027;A;1;1,00\n"
        "5;18/09/1999;A;1;1,00\n"
        "6;18/09/2026;;1;1,00\n"
        "7;18/09/2026;A;;1,00\n"
        "8;18/09/2026;A;um;1,00\n"
        "9;18/09/2026;A;7891000100103;1,00\n"
        "10;18/09/2026;A;0;1,00\n"
        "11;18/09/2026;A;1;1,00;sobra\n"
        "12;18/09/2026;A;1;x\n"
        "13;amanhã;;muito;1,00\n"
    )
    prepared = desk.items(text)
    assert found(prepared) == sorted(
        [
            (2, "missing-sale-id", "Número do pedido", None),
            (3, "missing-date", "Data da venda", None),
            (4, "unreadable-date", "Data da venda", "31/02/2026"),
            (5, "date-in-the-future", "Data da venda", "18/09/2027"),
            (6, "date-too-old", "Data da venda", "18/09/1999"),
            (7, "missing-sku", "Código (SKU)", None),
            (8, "missing-quantity", "Quantidade", None),
            (9, "unreadable-quantity", "Quantidade", "um"),
            (10, "implausible-quantity", "Quantidade", "7891000100103"),
            (11, "zero-quantity", "Quantidade", "0"),
            (12, "too-many-cells", None, None),
            (13, "unreadable-number", "Valor unitário", "x"),
            (14, "unreadable-date", "Data da venda", "amanhã"),
            (14, "missing-sku", "Código (SKU)", None),
            (14, "unreadable-quantity", "Quantidade", "muito"),
        ],
        key=str,
    )
    assert rows(prepared) == (13, 1, 11, 1)


def test_rows_that_were_never_sales_are_skipped_and_counted(desk: Desk) -> None:
    text = HEAD + (
        "1;18/09/2026;A;1;1,00\n"
        "\n"
        ";;;;\n" + HEAD + "Subtotal;;;1;1,00\n"
        ";;;Pacote de 3 produtos;\n"
        "2;18/09/2026;A;1;1,00\n"
        "TOTAL GERAL;;;2;2,00\n"
    )
    prepared = desk.items(text)
    assert rows(prepared) == (8, 2, 0, 6)
    assert [(line, rule) for line, rule, _, _ in found(prepared)] == [
        (3, "blank-row"),
        (4, "blank-row"),
        (5, "repeated-header"),
        (6, "total-row"),
        (7, "package-row"),
        (9, "total-row"),
    ]


def test_order_fields_of_the_first_row_are_put_on_the_others(desk: Desk) -> None:
    text = (
        "Número do Pedido;Data;Status do Pedido;Canal;Nome do Produto;Quantidade Comprada;SKU\n"
        "1001;27/09/2026 11:00:58;Confirmado;Loja;Caneca;1;C1\n"
        "1001;;;;Copo;2;C2\n"
        ";;;;Prato;3;C3\n"
        "1002;28/09/2026 09:00:00;Cancelado;Site;Caneca;1;C1\n"
        "1003;;;;Copo;1;C2\n"
    )
    prepared = desk.items(text)
    assert lines_of(prepared).select("id_venda", "data_venda", "situacao", "canal", "sku").rows() == [
        ("1001", date(2026, 9, 27), "concluida", "Loja", "C1"),
        ("1001", date(2026, 9, 27), "concluida", "Loja", "C2"),
        ("1001", date(2026, 9, 27), "concluida", "Loja", "C3"),
        ("1002", date(2026, 9, 28), "cancelada", "Site", "C1"),
    ]
    assert found(prepared) == [(6, "missing-date", "Data", None)]


def test_an_order_goes_on_after_the_heading_of_a_new_page(desk: Desk) -> None:
    heading = "Pedido;Data;Produto;Quantidade;SKU\n"
    prepared = desk.items(f"{heading}1001;27/09/2026;Caneca;1;C1\n{heading};;Copo;2;C2\n")
    assert lines_of(prepared)["id_venda"].to_list() == ["1001", "1001"]
    assert found(prepared) == [(3, "repeated-header", None, None)]


def test_blank_cells_under_unnamed_columns_repeat_no_heading(desk: Desk) -> None:
    prepared = desk.items("pedido;data;sku;quantidade;;\n1;31/10/2026;a;1;;\n2;31/10/2026;;1;;\n")
    assert found(prepared) == [(3, "missing-sku", "sku", None)]


def test_order_totals_repeated_on_items_are_never_the_lines(desk: Desk) -> None:
    text = "Order;Creation Date;Reference Code;Quantity_SKU;SKU Selling Price;Valor total\n" + "".join(
        f"{order};2026-09-18;S{n};1;{price};60.00\n"
        for order in "12"
        for n, price in enumerate(("10.00", "20.00", "30.00"))
    )
    prepared = desk.items(text)
    assert lines_of(prepared)["valor_total"].sum() == 120.0
    (sheet,) = prepared.sheets
    assert sheet.header_of("valor_pedido") == "Valor total"


def three_files(desk: Desk, *, sales: str, items: str, products: str | None = None) -> list[IncomingFile]:
    files = [desk.file(sales, name="v.csv"), desk.file(items, name="i.csv")]
    return files if products is None else [*files, desk.file(products, name="p.csv")]


def test_the_three_files_are_checked_against_each_other(desk: Desk) -> None:
    prepared = desk.prepare(
        *three_files(
            desk,
            sales="Pedido;Data;Situação\n1;18/09/2026;Pago\n"
            "2;18/09/2026;Cancelado\n3;99/99/2026;Pago\n4;18/09/2026;Pago\n"
            "1;09/09/2026;Pago\n",
            items="Pedido;SKU;Quantidade;Valor unitário;Valor total\n"
            "1;A;2;5,00;10,00\n2;B;1;5,00;7,00\n3;A;1;5,00;5,00\n"
            "9;A;1;5,00;5,00\n",
            products="SKU;Nome;Preço\nA;Caneca;5,00\na;Caneca nova;6,00\n",
        )
    )
    assert rows(prepared, Table.SALES) == (5, 3, 1, 1)
    assert rows(prepared) == (4, 2, 2, 0)
    assert rows(prepared, Table.PRODUCTS) == (2, 1, 0, 1)
    assert found(prepared) == sorted(
        [
            (4, "unreadable-date", "Data", "99/99/2026"),
            (2, "repeated-sale", "Pedido", "1"),
            (5, "sale-without-items", "Pedido", "4"),
            (4, "sale-set-aside", "Pedido", "3"),
            (5, "item-without-sale", "Pedido", "9"),
            (3, "total-does-not-match", "Valor total", "7,00"),
            (3, "unknown-product", "SKU", "B"),
            (2, "repeated-product", "SKU", "A"),
        ],
        key=str,
    )
    assert lines_of(prepared).select("id_venda", "data_venda", "situacao", "sku").rows() == [
        ("1", date(2026, 9, 9), "concluida", "a"),
        ("2", date(2026, 9, 18), "cancelada", "B"),
    ]


def test_branches_are_welcome_and_other_companies_are_not(desk: Desk) -> None:
    text = (
        "Pedido;Data;SKU;Quantidade;CNPJ da loja\n"
        "1;18/09/2026;A;1;11.222.333/0001-81\n2;18/09/2026;A;1;11222333000262\n"
        "3;18/09/2026;A;1;33.000.167/0001-01\n4;18/09/2026;A;1;191\n"
    )
    prepared = desk.prepare(desk.file(text), cnpj=Cnpj("11222333000181"))
    assert lines_of(prepared)["loja"].to_list() == ["11222333000181", "11222333000262", "191"]
    assert found(prepared) == [
        (4, "another-company", "CNPJ da loja", "33.000.167/0001-01"),
        (5, "invalid-branch", "CNPJ da loja", "191"),
    ]


def test_boxes_become_units_where_the_catalogue_says_how_many(desk: Desk) -> None:
    items = (
        "Pedido;Data;SKU;Quantidade;Unidade;Valor unitário\n1;18/09/2026;A;2;CX;60,00\n2;18/09/2026;A;3;un;5,00\n"
        "3;18/09/2026;B;1;CX;9,00\n4;18/09/2026;B;4;UN;1,00\n5;18/09/2026;B;4;UN;1,00\n"
    )
    products = "SKU;Nome;Unidade;Itens p/ caixa\nA;Leite;UN;12\nB;Suco;UN;\n"
    prepared = desk.prepare(desk.file(items), desk.file(products, name="p.csv"))
    assert lines_of(prepared).select("sku", "quantidade", "unidade", "preco_unitario").rows() == [
        ("A", 24.0, "UN", 5.0),
        ("A", 3.0, "UN", 5.0),
        ("B (CX)", 1.0, "CX", 9.0),
        ("B", 4.0, "UN", 1.0),
        ("B", 4.0, "UN", 1.0),
    ]
    assert found(prepared) == [(4, "mixed-units", "Unidade", "B")]


def test_codes_that_lost_their_zeros_find_their_product(desk: Desk) -> None:
    items = HEAD + "1;18/09/2026;123;1;1,00\n2;18/09/2026;abc;1;1,00\n"
    prepared = desk.prepare(desk.file(items), desk.file("SKU;Nome\n000123;Caneca\nABC;Copo\n", name="p.csv"))
    assert lines_of(prepared)["sku"].to_list() == ["000123", "ABC"]
    assert found(prepared) == []


def test_a_barcode_that_a_spreadsheet_cut_is_missed_aloud(desk: Desk) -> None:
    text = "Código;Descrição;GTIN/EAN\nA;Caneca;7,89E+12\nB;Copo;7.891000100103E+12\nC;Prato;SEM GTIN\n"
    prepared = desk.prepare(desk.file(text, name="produtos.csv"))
    assert found(prepared) == [(2, "scientific-barcode", "GTIN/EAN", "7,89E+12")]
    assert prepared.products is not None
    assert prepared.products["ean"].to_list() == [None, "7891000100103", None]


def test_a_file_without_quantities_or_codes_says_what_it_assumed(desk: Desk) -> None:
    via = "Número do pedido;Data da compra;Nome do produto;Valor do produto\n1;18/09/2026;Sofá;999,90\n"
    prepared = desk.items(via)
    assert lines_of(prepared).select("sku", "quantidade", "valor_total").rows() == [("Sofá", 1.0, 999.9)]
    assert [rule for _, rule, _, _ in found(prepared)] == ["quantity-assumed", "sku-from-description"]


def test_mercado_livre_leaves_one_unit_blank_and_sums_packages(desk: Desk) -> None:
    text = (
        "N.º de venda,Data da venda,Estado,Unidades,SKU,Título do anúncio,Preço unitário de venda do anúncio (BRL)\n"
        "200,27 de setembro de 2026 11:00 hs.,Pacote de 2 produtos,,,,\n"
        '200,27 de setembro de 2026 11:00 hs.,Entregue,,S1,Caneca,"10,50"\n'
        '200,27 de setembro de 2026 11:00 hs.,Venda cancelada,3,S2,Copo,"1,50"\n'
    )
    prepared = desk.items(text)
    assert lines_of(prepared).select("sku", "quantidade", "data_venda").rows() == [
        ("S1", 1.0, date(2026, 9, 27)),
        ("S2", 3.0, date(2026, 9, 27)),
    ]
    assert [(line, rule) for line, rule, _, _ in found(prepared)] == [(2, "package-row")]


def test_a_lone_file_of_sales_or_products_is_counted(desk: Desk) -> None:
    sales = desk.prepare(desk.file("Pedido;Data;Situação\n1;18/09/2026;Pago\n"))
    assert (sales.months, rows(sales, Table.SALES)) == ((), (1, 1, 0, 0))
    products = desk.prepare(desk.file("SKU;Nome\nA;Caneca\n"))
    assert (products.months, rows(products, Table.PRODUCTS)) == ((), (1, 1, 0, 0))


def test_a_name_beside_a_product_is_the_customers(desk: Desk) -> None:
    orders = desk.file("Pedido;Data;Nome;Produto;Quantidade\n1;18/09/2026;Maria;Caneca;1\n")
    assert desk.recognise(orders)[0].personal == ("Nome",)
    assert lines_of(desk.prepare(orders))["descricao"].to_list() == ["Caneca"]


def test_statuses_in_the_words_of_many_systems(desk: Desk) -> None:
    words = {
        "Faturada": "concluida",
        "Não Entregue": "cancelada",
        "refunded": "devolvida",
        "Em aberto": "pendente",
        "Pagamento pendente": "pendente",
        "Não pago": "cancelada",
        "9": "concluida",
        "12": "cancelada",
        "Chegou ontem": "concluida",
        "Xpto": "concluida",
    }
    text = "Pedido;Data;SKU;Quantidade;Situação\n" + "".join(
        f"{n};18/09/2026;A;1;{word}\n" for n, word in enumerate(words, start=1)
    )
    prepared = desk.items(text)
    assert lines_of(prepared)["situacao"].to_list() == list(words.values())
    assert found(prepared) == [(11, "unknown-status", "Situação", "Xpto")]


def test_a_deleted_protheus_row_is_skipped(desk: Desk) -> None:
    text = "D2_FILIAL,D2_DOC,D2_COD,D2_QUANT,D2_EMISSAO,D_E_L_E_T_\n01,1,A,1.0,20260918,\n01,2,A,1.0,20260918,*\n"
    prepared = desk.items(text)
    assert rows(prepared) == (2, 1, 0, 1)
    assert found(prepared) == [(3, "deleted-row", None, None)]


# --- containers ---------------------------------------------------------------------------------------------------


def workbook(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Capa").write(0, 0, "Loja da Maria")
        sheet = book.add_worksheet("Vendas")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write(0, 0, "Relatório de vendas")
        sheet.write_row(4, 0, ["N.º de venda", "Data da venda", "SKU", "Unidades", "Preço unitário", "Comprador"])
        for row, (sale, sku, units, price) in enumerate([("1", "0001", 2, 1.234), ("2", "0002", "x", 2.5)], start=6):
            sheet.write_row(row, 0, [sale])
            sheet.write_datetime(row, 1, datetime(2026, 9, 18), day)  # noqa: DTZ001  a cell of Excel has no zone
            sheet.write_row(row, 2, [sku, units, price, "Maria"])


def test_a_workbook_reports_excels_own_row_numbers(desk: Desk) -> None:
    path = desk.folder / "vendas.xlsx"
    workbook(path)
    file = IncomingFile("vendas.xlsx", path)
    prepared = desk.prepare(file)
    assert prepared.sheets[0].personal == ("Comprador",)
    assert lines_of(prepared).select("sku", "quantidade", "preco_unitario", "data_venda").rows() == [
        ("0001", 2.0, 1.234, date(2026, 9, 18))
    ]
    assert (8, "unreadable-quantity", "Unidades", "x") in found(prepared)
    assert rows(prepared) == (3, 1, 1, 1)


def test_the_tab_that_is_named_is_read_and_no_other(desk: Desk) -> None:
    path = desk.folder / "ano.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for month, sku in ((9, "A"), (10, "B")):
            sheet = book.add_worksheet(f"Itens {month:02}")
            sheet.write_row(0, 0, ["Pedido", "Data", "SKU", "Qtd"])
            sheet.write_row(1, 0, ["1", f"18/{month:02}/2026", sku, 1])
    file = IncomingFile("ano.xlsx", path)
    assert [sheet.tab for sheet in desk.prepare(file).sheets] == ["Itens 09", "Itens 10"]
    prepared = desk.prepare(file._replace(tab="itens 10 "))
    assert [sheet.tab for sheet in prepared.sheets] == ["Itens 10"]
    assert lines_of(prepared)["sku"].to_list() == ["B"]
    with pytest.raises(NotATable, match="não tem a aba Novembro; tem Itens 09, Itens 10"):
        desk.prepare(file._replace(tab="Novembro"))


def test_a_zip_holds_any_of_the_files(desk: Desk) -> None:
    path = desk.folder / "tudo.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/itens.csv", HEAD + "1;18/09/2026;A;1;1,00\n")
        archive.writestr("C:\\x\\produtos.csv", "SKU;Nome\nA;Caneca\n")
        archive.writestr("__MACOSX/._itens.csv", b"\x00\x05")
    prepared = desk.prepare(IncomingFile("tudo.zip", path))
    assert [(sheet.table, sheet.name) for sheet in prepared.sheets] == [
        (Table.ITEMS, "itens.csv"),
        (Table.PRODUCTS, "produtos.csv"),
    ]
    assert not (desk.folder.parent.parent / "etc").exists()


# --- what is refused ----------------------------------------------------------------------------------------------


def refused(desk: Desk, content: str | bytes, error: type[BadInput], **settings: Limits) -> str:
    with pytest.raises(error) as refusal:
        desk.recognise(desk.file(content), **settings)
    assert refusal.value.detail("en")
    return refusal.value.detail("pt-BR")


def test_files_that_are_no_tables_are_refused_kindly(desk: Desk) -> None:
    assert "PDF" in refused(desk, b"%PDF-1.7 \x00\x01", NotATable)
    assert "binário" in refused(desk, bytes(range(256)) * 20, NotATable)
    assert "página da internet" in refused(desk, "<html><table><tr><td>Pedido</td></tr></table>", NotATable)
    assert "nomes das colunas" in refused(desk, "só um texto, com vírgula\nnada mais\n", NotATable)
    assert "ZIP" in refused(desk, b"PK\x03\x04 broken", NotATable)
    refused(desk, "", EmptyFile)
    refused(desk, "\ufeff  \r\n", EmptyFile)
    refused(desk, HEAD, EmptyFile)


def test_a_card_statement_is_told_apart(desk: Desk) -> None:
    stone = "NSU;Data Transação;Data Pagamento;Valor Bruto;Taxa MDR %\n1;18/09/2026;09/09/2026;R$ 1.500,00;1,99\n"
    assert "maquininha" in refused(desk, stone, WrongKindOfFile)


def test_a_missing_column_is_named_with_those_found(desk: Desk) -> None:
    detail = refused(desk, "Pedido;Quantidade;Preço\n1;2;3,00\n", MissingColumn)
    assert "sku" in detail
    assert "Pedido, Quantidade, Preço" in detail
    assert "data_venda" in refused(desk, "Pedido;SKU;Quantidade\n1;A;3\n", MissingColumn)


def test_too_much_is_refused_in_bounded_memory(desk: Desk) -> None:
    refused(desk, HEAD + "1;18/09/2026;A;1;1,00\n" * 100, UploadTooLarge, limits=Limits(max_bytes=1000))
    assert "colunas" in refused(desk, ";".join(["Pedido"] * 200_000) + "\n1;2\n", NotATable)
    assert "milhões" in refused(desk, "Pedido;SKU" * 1_000_000, NotATable)
    assert "milhões" in refused_deep(desk)


def refused_deep(desk: Desk) -> str:
    """A line that ends nowhere, far behind the head."""
    file = desk.file(HEAD + "1;18/09/2026;A;1;1,00\n" * 300_000 + "x" * 9_000_000)
    with pytest.raises(NotATable) as refusal:
        desk.prepare(file)
    return refusal.value.detail()


def test_a_zip_bomb_is_refused_without_being_opened(desk: Desk) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("itens.csv", b"0" * 50_000_000)
    assert "compactado demais" in refused(desk, packed.getvalue(), NotATable)
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.csv", HEAD)
    assert "20 arquivos" in refused(desk, many.getvalue(), NotATable)
    nested = io.BytesIO()
    with zipfile.ZipFile(nested, "w") as archive:
        archive.writestr("dentro.zip", many.getvalue())
    assert "outro ZIP" in refused(desk, nested.getvalue(), NotATable)


# --- mappings and personal data -----------------------------------------------------------------------------------


def test_a_mapping_the_customer_settled_wins(desk: Desk) -> None:
    text = "Controle;Dia;Artigo;Código;Peças\n1;18/09/2026;A;999;2\n"
    mapping = {
        Table.ITEMS: {"Controle": "id_venda", "Dia": "data_venda", "Artigo": "sku", "Peças": "quantidade", "Código": ""}
    }
    (sheet,) = desk.recognise(desk.file(text, table=Table.ITEMS), mappings=mapping)
    assert {column.header: column.field for column in sheet.columns} == {
        "Controle": "id_venda",
        "Dia": "data_venda",
        "Artigo": "sku",
        "Código": None,
        "Peças": "quantidade",
    }
    assert {column.confidence for column in sheet.columns if column.field} == {1.0}


def test_personal_columns_are_dropped_before_the_raw_copy_whatever_they_are_called(desk: Desk) -> None:
    text = (
        "Vendas de João, tel (11) 91234-5678\n"
        "Número do pedido;Data;SKU;Produto;Quantidade;Nome do cliente;Coluna X;Obs\n"
        '1;18/09/2026;A;"Caneca\npara maria@exemplo.com.br";1;Maria Souza;529.982.247-25;ligar\n'
        "2;18/09/2026;B;Copo;dois;José;11144477735;x\n"
        "3;18/09/2026;C;Prato;1;Ana;390.533.447-05;y;CPF 529.982.247-25\n"
    )
    (sheet,) = desk.recognise(desk.file(text, encoding="cp1252"))
    assert sheet.personal == ("Nome do cliente", "Coluna X", "Obs")
    target = desk.folder / "raw.csv"
    write_raw(sheet, target)
    kept = target.read_bytes().decode("cp1252")
    assert not any(word in kept for word in ("Maria", "maria@", "529", "111444", "390", "José", "91234", "ligar"))
    original = desk.prepare(desk.file(text, encoding="cp1252"))
    again = desk.prepare(IncomingFile("raw.csv", target))
    assert rows(again) == rows(original) == (3, 1, 2, 0)
    assert found(again) == found(original)
    assert [line for line, _, _, _ in found(again)] == [5, 6]
    assert lines_of(again).equals(lines_of(original))
    assert "***" in lines_of(again)["descricao"][0]


def test_a_doubt_about_a_column_keeps_its_line_in_the_raw_copy(desk: Desk) -> None:
    text = 'Pedido;Data;SKU;Quantidade;Cliente\n1;18/09/2026;A;1;"Ana\nMaria"\n2;18/09/2026;A;1.234;Bia\n'
    original = desk.items(text)
    write_raw(original.sheets[0], desk.folder / "raw.csv")
    again = desk.prepare(IncomingFile("raw.csv", desk.folder / "raw.csv"))
    assert found(again) == found(original) == [(4, "ambiguous-numbers", "Quantidade", "1.234")]


def test_the_raw_copy_is_read_in_the_encoding_that_a_dropped_column_told(desk: Desk) -> None:
    """Without the names, the hard space before a date of an old till is a letter of Windows."""
    text = "Pedido;Data;Cliente;SKU;Quantidade\n1;\u00a018/09/2026;João;A;1\n2;19/09/2026;Conceição;A;1\n"
    original = desk.items(text, encoding="cp850")
    encoding = original.sheets[0].dialect.encoding
    write_raw(original.sheets[0], desk.folder / "raw.csv")
    again = desk.prepare(IncomingFile("raw.csv", desk.folder / "raw.csv", Table.ITEMS, encoding))
    assert encoding == "cp850"
    assert rows(again) == rows(original) == (2, 2, 0, 0)


def test_a_row_with_too_many_cells_counts_alike_in_the_raw_copy(desk: Desk) -> None:
    text = "Cliente;Pedido;Data;SKU;Qtd\nAna;1;31/10/2026;A;2\n;1;30/10/2026;A;1;x\n;1;;B;1\nTotal;;;;3;x\n"
    sheet = desk.recognise(desk.file(text))[0]
    write_raw(sheet, desk.folder / "raw.csv")
    again = IncomingFile("raw.csv", desk.folder / "raw.csv", sheet.table)
    for prepared in (desk.items(text), desk.prepare(again)):
        assert rows(prepared) == (4, 2, 2, 0)
        assert lines_of(prepared)["data_venda"].unique().to_list() == [date(2026, 10, 31)]


def test_a_file_without_personal_data_is_kept_byte_for_byte(desk: Desk) -> None:
    file = desk.file("\ufeff" + HEAD + "1;18/09/2026;A;1;1,00\r\n\r\n")
    write_raw(desk.recognise(file)[0], desk.folder / "raw.csv")
    assert (desk.folder / "raw.csv").read_bytes() == file.path.read_bytes()


def test_no_value_of_a_finding_shows_personal_data(desk: Desk) -> None:
    text = HEAD + "1;18/09/2026;A;52998224725;1,00\n2;18/09/2026;A;ligar p/ a@b.com.br;1,00\n"
    values = desk.items(text).findings["value"].to_list()
    assert values == ["***", "ligar p/ ***"]


def test_one_flattened_file_sent_twice_is_one(desk: Desk) -> None:
    text = HEAD + "1;18/09/2026;A;1;1,00\n"
    files = [desk.file(text, name="a.csv", table=Table.SALES), desk.file(text, name="b.csv", table=Table.ITEMS)]
    assert [sheet.table for sheet in desk.recognise(*files)] == [Table.ITEMS]


def test_files_in_the_wrong_box_are_read_as_what_they_are(desk: Desk) -> None:
    file = desk.file("SKU;Nome;Preço\nA;Caneca;1,00\n", table=Table.SALES)
    assert desk.recognise(file)[0].table is Table.PRODUCTS


def test_months_beyond_memory_go_to_disk_and_come_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + "".join(f"{n};{n % 28 + 1:02}/{n % 12 + 1:02}/2025;S{n % 7};1;1,00\n" for n in range(1, 400))
    small = lines_of(desk.items(text))
    bounds = {"in_memory": 1000, "most_lines": 1000}
    monkeypatch.setattr("app.processing.cleaner.months.MonthStore.__init__.__kwdefaults__", bounds)
    monkeypatch.setattr(
        "app.processing.reader.encoding.utf8_blocks.__kwdefaults__", {"newline": "\n", "block_bytes": 1024}
    )
    spilled = lines_of(desk.items(text))
    assert list(desk.folder.glob("lines-*.arrow"))
    assert spilled.equals(small)
    assert isinstance(small, pl.DataFrame)
