"""`quantyfy inspect`: a file looked at before it is sent."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app

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


def test_a_column_may_be_named_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "itens.csv"
    path.write_text("Pedido;Data;Treco;Qtd\n1;25/01/2026;A;2\n", encoding="utf-8")
    unaided = CliRunner().invoke(app, ["inspect", str(path), "--json"], catch_exceptions=False)
    aided = CliRunner().invoke(app, ["inspect", str(path), "--column", "Treco=sku", "--json"], catch_exceptions=False)
    unaided_table, aided_table = (json.loads(answer.stdout)["tables"][0] for answer in (unaided, aided))
    assert (unaided_table["table"], aided_table["table"]) == ("vendas", "vendas_itens")
    assert [column["field"] for column in unaided_table["columns"]] == ["id_venda", "data_venda", None, None]
    fields = [column["field"] for column in aided_table["columns"]]
    assert fields == ["id_venda", "data_venda", "sku", "quantidade"]
