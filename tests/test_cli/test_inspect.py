"""`quantyfy inspect`: a file looked at before it is sent."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import xlsxwriter
from typer.testing import CliRunner

from app.cli.main import app
from app.domain.errors import MissingColumn
from tests.shop import month_rows, write_months, write_tabs
from tests.test_cli.examples import PAGE, page
from tests.test_processing.workbooks_by_hand import cell, sheet, xlsx

TINY = """Relatório de vendas por produto
Período: 08/09/2026 a 30/09/2026
Número;Data;Situação;Cliente;Código;Descrição;Quantidade;Nota Fiscal;Data da nota;Situação da nota
101;18/09/2026;Entregue;Maria da Silva;000123;Pão de queijo [1kg];2;55;18/09/2026;Autorizada
101;18/09/2026;Entregue;Maria da Silva;000124;Bolo;1,5;55;18/09/2026;Autorizada
102;19/09/2026;Cancelada;João Souza;000123;Pão de queijo [1kg];1;;;
Total;;;;;;4,5;;;
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A sales report of the ERP Tiny: two title lines, Windows-1252, a total at its foot."""
    path = tmp_path / "relatorio.csv"
    path.write_text(TINY, encoding="cp1252", newline="\r\n")
    return path


def test_a_report_with_titles_and_a_total_is_understood_and_told(tiny: Path) -> None:
    shown = CliRunner().invoke(app, ["inspect", str(tiny)], catch_exceptions=False).stdout
    for words in ("vendas_itens", "cp1252", "títulos na linha 3", "Linha de total ou subtotal", "Não guardamos"):
        assert words in shown
    assert "Pão de queijo [1kg]" in shown
    assert "Maria" not in shown


def test_the_same_for_a_program(tiny: Path) -> None:
    answer = CliRunner().invoke(app, ["inspect", str(tiny), "--json"], catch_exceptions=False).stdout
    table = json.loads(answer)["tables"][0]
    fields = {column["header"]: column["field"] for column in table["columns"]}
    assert fields["Número"] == "id_venda"
    assert fields["Código"] == "sku"
    assert fields["Data da nota"] is None
    assert table["personal"] == ["Cliente"]
    assert table["rows"] == {"in": 4, "accepted": 3, "rejected": 0, "skipped": 1}


def test_of_a_workbook_the_tab_is_told_and_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "ano.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("Setembro", "Outubro"):
            book.add_worksheet(name).write_row(0, 0, ["Pedido", "Data", "SKU", "Qtd"])
            book.get_worksheet_by_name(name).write_row(1, 0, ["1", "18/09/2026", name, 1])
    shown = CliRunner().invoke(app, ["inspect", str(path), "--tab", "outubro"], catch_exceptions=False).stdout
    assert "Excel, aba Outubro, títulos na linha 1." in shown
    assert "Setembro" not in shown


def test_of_several_files_each_is_told_and_so_is_the_tab_that_nobody_sees(tmp_path: Path) -> None:
    paths = write_months(tmp_path / "files", [1, 2])
    with paths[1].open("a", encoding="utf-16-le") as file:
        file.write("x|18/02/2025|PAO|muito|1,00\n")
    tabs = {"Mar": month_rows(3), "Rascunho": month_rows(9)}
    book = write_tabs(tmp_path / "ano.xlsx", tabs, hidden={"Rascunho": "very_hidden"})
    shown = CliRunner().invoke(app, ["inspect", *map(str, [*paths, book])], catch_exceptions=False).stdout
    for words in (
        "mes-01.csv é a tabela vendas_itens",
        "mes-02.csv é a tabela vendas_itens",
        "ano.xlsx é a tabela vendas_itens",
        "mes-01.csv e mais 2",
        "Abas ocultas que não lemos: Rascunho.",
        "A aba está oculta no Excel",
    ):
        assert words in shown
    assert re.search(r"mes-02\.csv,\s+linha 30", shown)
    answer = CliRunner().invoke(app, ["inspect", *map(str, [*paths, book]), "--json"], catch_exceptions=False).stdout
    assert json.loads(answer)["tables"][0]["rows"] == {"in": 85, "accepted": 84, "rejected": 1, "skipped": 0}


def test_a_column_may_be_named_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "itens.csv"
    path.write_text("Pedido;Data;Treco;Qtd\n1;25/01/2026;A;2\n", encoding="utf-8")
    unaided = CliRunner().invoke(app, ["inspect", str(path)])
    assert isinstance(unaided.exception, MissingColumn)
    aided = CliRunner().invoke(app, ["inspect", str(path), "--column", "Treco=sku", "--json"], catch_exceptions=False)
    table = json.loads(aided.stdout)["tables"][0]
    fields = [column["field"] for column in table["columns"]]
    assert (table["table"], fields) == ("vendas_itens", ["id_venda", "data_venda", "sku", "quantidade"])


def test_the_page_of_examples_shows_what_is_said_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_examples_show_no_customer() -> None:
    assert not any(name in page() for name in ("Maria", "Ana", "529.982", "91234"))


IN_A_PROCESS = """
import atexit, sys
from app.cli.main import main
from app.processing.reader.recognition import recognise

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) // 1024

before = peak()
atexit.register(lambda: print(peak() - before))
sys.argv = ["quantyfy", "inspect", sys.argv[1]]
main()
"""


def test_a_workbook_with_a_cell_far_away_is_refused_in_two_plain_lines_and_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "ano.xlsx"
    path.write_bytes(xlsx(sheet(cell())))
    told = subprocess.run([sys.executable, "-c", IN_A_PROCESS, str(path)], check=False, capture_output=True, text=True)
    assert told.returncode == 1
    assert "A planilha ocupa células demais." in told.stderr
    assert "XFD1048576" in told.stderr
    assert int(told.stdout) < 200  # megabytes
