"""The input contract as a document and as model files, made from the schema the reader itself uses.

python -m app.processing.document docs      writes docs/formato-dos-arquivos.md and docs/modelos/*.csv
"""

import sys
from pathlib import Path
from typing import Final

from app.domain.contract import CONTRACT, Field, Kind
from app.domain.findings import RULES, Rule, Severity
from app.domain.uploads import Table
from app.processing.columns.synonyms import SYNONYMS

DOCUMENT: Final = "formato-dos-arquivos.md"
MODELS: Final = "modelos"
_SYNONYMS_SHOWN: Final = 6
_INTRODUCTION: Final = """# Formato dos arquivos

<!-- Gerado por `python -m app.processing.document docs`, de `app/domain/contract.py`. Não edite. -->

Envie até três planilhas: **vendas**, **vendas_itens** e **produtos**. Só `vendas_itens` é indispensável; se ela já traz
a data da venda (o relatório "achatado" da maioria dos sistemas), não precisa da planilha de vendas. Com `produtos` a
previsão sai por categoria e com aviso de estoque.

Mande o arquivo como o seu sistema exporta. Aceitamos:

- CSV com `;`, `,`, tabulação ou `|`; em UTF-8, Windows-1252 (o do Excel), UTF-16 ou o antigo cp850 do DOS;
- Excel (`.xlsx`, `.xls`) e LibreOffice (`.ods`): lemos as abas visíveis que parecem uma das três planilhas (até 30), ou
  só a que você indicar; aba oculta só é lida se você a indicar pelo nome, e o relatório diz quais ficaram de fora;
  uma aba pode ir até 20 milhões de células, contadas da primeira linha à última que tem algo (Ctrl+End mostra qual é);
- ZIP com qualquer um desses (até 20 arquivos);
- a mesma planilha em vários arquivos ou abas de um envio, por exemplo um por mês: todos contam, e cada aviso diz o
  arquivo (e a aba) e a linha; se o mesmo item da mesma venda vem em dois, vale o do último; um arquivo enviado em
  dobro conta uma vez;
- títulos e período acima do cabeçalho (até 30 linhas), totais, linhas em branco e cabeçalhos repetidos no meio.

Números podem vir como `1.234,56`, `1,234.56`, `R$ 10,00`, `(5,00)` ou `5,00-`: o jeito é decidido pela coluna inteira.
Datas podem vir como `31/10/2026`, `31-10-2026 14:42`, `2026-10-31`, `20261031` ou `31 de outubro de 2026`.
Linha com problema não derruba o envio: ela é separada, com o número da linha e como corrigir no Excel.

Não precisamos dos dados dos seus clientes. Colunas com nome, CPF, telefone, e-mail ou endereço são retiradas antes de
qualquer coisa ser guardada, e o relatório diz quais foram.

Modelos para baixar: [vendas](modelos/vendas.csv), [vendas_itens](modelos/vendas_itens.csv),
[produtos](modelos/produtos.csv).
"""
_ABOUT: Final = {
    Table.SALES: "Uma linha por venda (pedido, cupom ou nota).",
    Table.ITEMS: "Uma linha por produto em cada venda.",
    Table.PRODUCTS: "Uma linha por produto.",
}
_OUTCOMES: Final = {
    Severity.REJECTED: "Linhas recusadas",
    Severity.SKIPPED: "Linhas puladas (nunca foram venda)",
    Severity.WARNING: "Linhas aceitas com aviso",
}


def document() -> str:
    """The whole document, in Markdown."""
    tables = [_table(table) for table in (Table.ITEMS, Table.SALES, Table.PRODUCTS)]
    rules = ["## O que conferimos", *(_rules(severity) for severity in Severity)]
    return "\n\n".join([_INTRODUCTION.rstrip(), *tables, *rules]) + "\n"


def model(table: Table) -> str:
    """A model file: the heading and one row, as Excel in Brazil saves it."""
    fields = _shown(table)
    return "\r\n".join([";".join(f.name for f in fields), ";".join(f.example for f in fields), ""])


def write_documents(folder: Path) -> None:
    """Writes the document and the model files."""
    (folder / MODELS).mkdir(parents=True, exist_ok=True)
    (folder / DOCUMENT).write_text(document(), encoding="utf-8")
    for table in Table:
        (folder / MODELS / f"{table}.csv").write_bytes(model(table).encode("utf-8-sig"))


def _shown(table: Table) -> list[Field]:
    return [field for field in CONTRACT[table] if field.kind is not Kind.IGNORED]


def _table(table: Table) -> str:
    rows = [
        f"| `{field.name}`{' **(obrigatória)**' if field.required else ''} | {field.kind.value} | {field.meaning}"
        f" | {f'`{field.example}`' if field.example else ''} | {_synonyms(table, field)} |"
        for field in CONTRACT[table]
    ]
    head = ["| coluna | tipo | o que é | exemplo | também reconhecida como |", "|---|---|---|---|---|"]
    return "\n".join([f"## `{table}`", "", _ABOUT[table], "", *head, *rows])


def _synonyms(table: Table, field: Field) -> str:
    names = [name for name in SYNONYMS[table].get(field.name, ()) if name != field.name]
    shown = ", ".join(name.replace("|", "\\|") for name in names[:_SYNONYMS_SHOWN])
    return f"{shown}..." if len(names) > _SYNONYMS_SHOWN else shown


def _rules(severity: Severity) -> str:
    rows = [_rule(rule) for rule in RULES.values() if rule.severity is severity]
    return "\n".join(
        [f"### {_OUTCOMES[severity]}", "", "| código | o que houve | como corrigir |", "|---|---|---|", *rows]
    )


def _rule(rule: Rule) -> str:
    return f"| `{rule.code}` | {rule.title.pt} | {rule.mend.pt} |"


if __name__ == "__main__":
    write_documents(Path(sys.argv[1]))
