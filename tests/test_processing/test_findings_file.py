from pathlib import Path

import fastexcel
import polars as pl
import pytest

from app.domain.findings import RULES
from app.domain.text import Language
from app.processing.validator.findings_file import render_findings
from tests.test_processing.at_hand import Desk

TEXT = (
    "Número do pedido;Data da venda;Código (SKU);Quantidade;Cliente\n"
    "1;18/09/2026;A;=cmd|' /C calc'!A0;Maria\n"
    "2;18/09/2026;A;1;José\n"
    "+3;18/09/2026;@A;-;Ana\n"
)


def test_the_list_opens_in_excel_with_the_row_beside_the_reason_and_no_formula(desk: Desk) -> None:
    prepared = desk.items(TEXT)
    target = desk.folder / "findings.csv"
    render_findings(prepared.findings, prepared.sheets, target, kind="csv")
    text = target.read_bytes().decode("utf-8")
    assert text.startswith("\ufeffArquivo;Linha;Coluna;Valor;Resultado;O que houve;Como corrigir;Linha original\r\n")
    first, second = text.splitlines()[1:]
    assert first.startswith("itens.csv;2;Quantidade;'=cmd|' /C calc'!A0;Recusada;A quantidade não é um número;")
    assert first.endswith("1 | 18/09/2026 | A | =cmd|' /C calc'!A0")
    assert second.split(";")[3] == "'-"
    assert second.endswith("'+3 | 18/09/2026 | @A | -")
    assert "Maria" not in text


@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_the_workbook_says_the_same(desk: Desk, language: Language) -> None:
    prepared = desk.items(TEXT)
    target = desk.folder / "findings.xlsx"
    render_findings(prepared.findings, prepared.sheets, target, kind="xlsx", language=language)
    table = read(target)
    assert table.height == prepared.findings.height
    assert table[table.columns[1]].to_list() == [2, 4]


def read(path: Path) -> pl.DataFrame:
    return fastexcel.read_excel(path).load_sheet(0).to_polars()


def test_every_rule_says_how_to_mend_it_in_both_languages() -> None:
    for code, rule in RULES.items():
        assert code == rule.code
        assert code.replace("-", "").islower()
        assert all(len(text) > 8 for text in (*rule.title, *rule.mend))
