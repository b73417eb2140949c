"""Several files or tabs of one table, and tabs that nobody sees: what is read, and under which name it is told."""

import zipfile
from pathlib import Path

import polars as pl
import pytest

from app.domain.errors import EmptyFile, MissingColumn, NotATable
from app.domain.uploads import IncomingFile, Table
from app.processing.cleaner.preparing import Prepared
from tests.shop import month_rows, sold_in_months, write_months, write_tabs
from tests.test_processing.at_hand import Desk, found, lines_of, rows

HEAD = "Pedido;Data;SKU;Qtd;Valor unitário\n"
YEAR = range(1, 13)
BINARY_EXCEL = Path(__file__).parent.parent / "data" / "hidden-tabs.xls"  # Vendas; Rascunho hidden; Antiga very hidden
OPEN_DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:automatic-styles>
<style:style style:name="true" style:family="table"><style:table-properties table:display="true"/></style:style>
<style:style style:name="false" style:family="table"><style:table-properties table:display="false"/></style:style>
</office:automatic-styles><office:body><office:spreadsheet>{tabs}</office:spreadsheet></office:body>
</office:document-content>"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def sold(prepared: Prepared) -> tuple[float, float]:
    lines = lines_of(prepared)
    return float(lines["quantidade"].sum()), float(lines["valor_total"].sum())


def places(prepared: Prepared) -> list[tuple[str, int, str]]:
    return sorted(prepared.findings.select("file", "line", "rule").rows())


def incoming(path: Path) -> IncomingFile:
    return IncomingFile(path.name, path)


def one_sale(units: int) -> list[list[str]]:
    return [["Pedido", "Data", "SKU", "Qtd", "Valor unitário"], ["1", "18/09/2026", "A", str(units), "10,00"]]


def open_document(path: Path) -> Path:
    """A spreadsheet of LibreOffice: 50 units on a hidden tab, 5 on the one that is seen."""
    tabs = ""
    for name, shown, units in (("Vendas", "true", 5), ("Rascunho", "false", 50)):
        cells = [
            "".join(
                f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in row
            )
            for row in one_sale(units)
        ]
        lines = "".join(f"<table:table-row>{row}</table:table-row>" for row in cells)
        tabs += f'<table:table table:name="{name}" table:style-name="{shown}">{lines}</table:table>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", OPEN_DOCUMENT.format(tabs=tabs))
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" '
            'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>',
        )
    return path


# --- several files ------------------------------------------------------------------------------------------------


def test_files_that_are_written_each_in_its_own_way_all_count(desk: Desk) -> None:
    prepared = desk.prepare(*map(incoming, write_months(desk.folder / "in", YEAR)))
    assert sold(prepared) == sold_in_months(YEAR)
    assert rows(prepared) == (336, 336, 0, 0)
    assert {sheet.dialect.delimiter for sheet in prepared.sheets} == {";", "\t", "|"}


def test_a_tab_a_month_counts_twelve_times_and_a_tab_of_products_is_the_catalogue(desk: Desk) -> None:
    products = [["SKU", "Nome", "Categoria"], ["PAO", "Pão francês", "Padaria"]]
    path = write_tabs(desk.folder / "ano.xlsx", {f"Mês {m}": month_rows(m) for m in YEAR} | {"produtos": products})
    prepared = desk.prepare(incoming(path))
    assert sold(prepared) == sold_in_months(YEAR)
    assert prepared.products is not None
    assert prepared.products["descricao"].to_list() == ["Pão francês"]


def test_a_month_still_to_come_is_a_tab_with_a_heading_alone_and_stops_nothing(desk: Desk) -> None:
    tabs = {"Jan": month_rows(1), "Fev": month_rows(2), "Mar": month_rows(3)[:1]}
    prepared = desk.prepare(incoming(write_tabs(desk.folder / "ano.xlsx", tabs)))
    assert sold(prepared) == sold_in_months([1, 2])
    assert [sheet.name for sheet in prepared.sheets] == ["ano.xlsx (Jan)", "ano.xlsx (Fev)"]
    with pytest.raises(EmptyFile):
        desk.prepare(incoming(write_tabs(desk.folder / "nada.xlsx", {"Jan": month_rows(1)[:1]})))


def test_a_workbook_of_more_tables_than_are_read_is_refused_and_loses_none_in_silence(desk: Desk) -> None:
    tabs = {f"T{n}": one_sale(n) for n in range(1, 32)}
    with pytest.raises(NotATable, match="mais de 30 abas"):
        desk.prepare(incoming(write_tabs(desk.folder / "muitas.xlsx", tabs)))
    last = incoming(write_tabs(desk.folder / "muitas.xlsx", tabs))._replace(tab="T31")
    assert sold(desk.prepare(last)) == (31, 310)


def test_files_of_one_name_are_told_apart_in_what_is_said_of_them(desk: Desk) -> None:
    files = []
    for folder, sale in (("a", 1), ("b", 2), ("c", 3)):
        (desk.folder / folder).mkdir()
        path = desk.folder / folder / "jan.csv"
        path.write_text(HEAD + f"{sale};18/09/2026;A;1;1,00\n{sale};18/09/2026;A;x;1,00\n", encoding="utf-8")
        files.append(incoming(path))
    prepared = desk.prepare(*files)
    names = ["jan.csv", "jan.csv (2)", "jan.csv (3)"]
    assert [sheet.name for sheet in prepared.sheets] == names
    assert places(prepared) == [(name, 3, "unreadable-quantity") for name in names]


def test_two_workbooks_of_one_name_are_both_read(desk: Desk) -> None:
    for month in (1, 2):
        (desk.folder / str(month)).mkdir()
    paths = [write_tabs(desk.folder / str(month) / "vendas.xlsx", {"T": month_rows(month)}) for month in (1, 2)]
    assert sold(desk.prepare(*map(incoming, paths))) == sold_in_months([1, 2])


def test_files_of_one_name_in_a_zip_are_called_by_their_folders(desk: Desk) -> None:
    path = desk.folder / "tudo.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for store, sale in (("loja 1", 1), ("loja 2", 2)):
            archive.writestr(f"2026/{store}/vendas.csv", HEAD + f"{sale};18/09/2026;A;{sale};1,00\n")
    prepared = desk.prepare(incoming(path))
    assert [sheet.name for sheet in prepared.sheets] == ["loja 1/vendas.csv", "loja 2/vendas.csv"]
    assert sold(prepared) == (3, 3)


def test_the_same_item_in_two_files_counts_once_and_the_later_file_wins(desk: Desk) -> None:
    first = desk.file(HEAD + "1;18/09/2026;A;1;10,00\n2;18/09/2026;A;1;10,00\n", name="jan.csv")
    second = desk.file(HEAD + "2;18/09/2026;A;7;10,00\n3;18/09/2026;A;1;10,00\n", name="fev.csv")
    prepared = desk.prepare(first, second)
    assert sold(prepared) == (9, 90)
    assert rows(prepared) == (4, 3, 0, 1)
    assert places(prepared) == [("jan.csv", 3, "repeated-item")]


def test_the_same_file_twice_counts_once_and_every_row_of_the_second_is_told_as_skipped(desk: Desk) -> None:
    text = HEAD + "1;18/09/2026;A;2;10,00\n1;18/09/2026;A;2;10,00\n2;18/09/2026;A;x;10,00\n"
    prepared = desk.prepare(desk.file(text, name="jan.csv"), desk.file(text, name="fev.csv"))
    assert sold(prepared) == sold(desk.items(text)) == (4, 40)
    assert rows(prepared) == (6, 2, 1, 3)
    repeated = prepared.findings.filter(pl.col("rule") == "repeated-file").select("file", "line", "value").rows()
    assert repeated == [("fev.csv", 2, "jan.csv"), ("fev.csv", 3, "jan.csv"), ("fev.csv", 4, "jan.csv")]


@pytest.mark.parametrize(
    ("table", "text", "counted"),
    [
        (Table.SALES, "Número da venda;Data;Situação\n1;18/09/2026;Concluída\n", (2, 1, 0, 1)),
        (Table.PRODUCTS, "SKU;Nome\nA;Caneca\n", (2, 1, 0, 1)),
    ],
)
def test_sales_and_products_sent_twice_count_once(
    desk: Desk, table: Table, text: str, counted: tuple[int, int, int, int]
) -> None:
    items = desk.file("Número da venda;Data;SKU;Qtd\n1;18/09/2026;A;1\n")
    twice = [desk.file(text, name=name, table=table) for name in ("a.csv", "b.csv")]
    prepared = desk.prepare(items, *twice)
    assert rows(prepared, table) == counted
    assert [place for place in places(prepared) if place[2] == "repeated-file"] == [("b.csv", 2, "repeated-file")]


def test_of_several_files_the_broken_one_is_named(desk: Desk) -> None:
    good = desk.file(HEAD + "1;18/09/2026;A;1;1,00\n", name="jan.csv")
    with pytest.raises(EmptyFile) as empty:
        desk.prepare(good, desk.file(HEAD, name="fev.csv"))
    with pytest.raises(MissingColumn) as missing:
        desk.prepare(good, desk.file("Pedido;SKU;Qtd\n2;A;1\n", name="mar.csv"))
    assert "fev.csv" in empty.value.detail("en")
    assert "mar.csv" in missing.value.detail("en")


# --- hidden tabs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["hidden", "very_hidden"])
@pytest.mark.parametrize("hidden_first", [True, False])
def test_a_hidden_tab_is_not_read_and_is_told(desk: Desk, how: str, hidden_first: bool) -> None:  # noqa: FBT001  a case
    names = ("Rascunho", "Vendas") if hidden_first else ("Vendas", "Rascunho")
    tabs = {name: one_sale(50 if name == "Rascunho" else 5) for name in names}
    prepared = desk.prepare(incoming(write_tabs(desk.folder / "ano.xlsx", tabs, hidden={"Rascunho": how})))
    assert sold(prepared) == (5, 50)
    assert rows(prepared) == (1, 1, 0, 0)
    assert found(prepared) == [(1, "hidden-tab", None, "Rascunho")]
    assert prepared.sheets[0].as_json()["hidden_tabs"] == ["Rascunho"]


def test_hidden_tabs_of_old_excel_and_of_libreoffice_are_not_read_either(desk: Desk) -> None:
    old = desk.prepare(incoming(BINARY_EXCEL))
    assert sold(old) == (5, 50)
    assert [value for _, _, _, value in found(old)] == ["Antiga", "Rascunho"]
    libre = desk.prepare(incoming(open_document(desk.folder / "vendas.ods")))
    assert sold(libre) == (5, 50)
    assert found(libre) == [(1, "hidden-tab", None, "Rascunho")]


def test_a_hidden_tab_that_is_named_is_read(desk: Desk) -> None:
    prepared = desk.prepare(incoming(BINARY_EXCEL)._replace(tab="rascunho"))
    assert sold(prepared) == (50, 500)
    assert found(prepared) == []


def test_a_workbook_whose_tables_are_all_hidden_is_refused_with_what_to_do(desk: Desk) -> None:
    tabs = {"Capa": [["Loja da Maria"]], "Jan": one_sale(1), "Fev": one_sale(2)}
    path = write_tabs(desk.folder / "ano.xlsx", tabs, hidden={"Jan": "hidden", "Fev": "very_hidden"})
    with pytest.raises(NotATable) as refusal:
        desk.prepare(incoming(path))
    assert all(words in refusal.value.detail("pt-BR") for words in ("ano.xlsx", "Jan, Fev", "Reexibir"))
    assert all(words in refusal.value.detail("en") for words in ("ano.xlsx", "Jan, Fev", "Unhide"))


def test_a_hidden_tab_that_is_no_table_is_not_worth_a_word(desk: Desk) -> None:
    tabs = {"Vendas": one_sale(5), "Listas": [["Sim"], ["Não"]]}
    prepared = desk.prepare(incoming(write_tabs(desk.folder / "ano.xlsx", tabs, hidden={"Listas": "hidden"})))
    assert found(prepared) == []
