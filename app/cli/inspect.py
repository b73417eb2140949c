"""`quantyfy inspect`: how a file would be understood, before anything is sent."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from app.cli.paths import require_files
from app.cli.tables import findings_table, report_table
from app.cli.words import console, percent, table
from app.domain.uploads import IncomingFile, Table

_DELIMITERS = {"\t": "tabulação", ";": "ponto e vírgula", ",": "vírgula", "|": "barra"}


def inspect(
    files: Annotated[list[Path], typer.Argument(help="Planilhas: CSV, Excel ou ZIP.")],
    kind: Annotated[
        Table | None, typer.Option("--table", help="Qual tabela é, quando não se descobre sozinho.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", help='Diz qual coluna é (de vendas_itens, ou de --table): "Cód. Interno=sku".'),
    ] = None,
    tab: Annotated[
        str | None, typer.Option(help="Aba do Excel a ler; senão, todas as visíveis que parecem tabelas.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Escreve o resultado em JSON.")] = False,
) -> None:
    """Mostra como uma planilha seria lida: colunas, formatos, o que seria descartado e o que precisa de correção."""
    from app.pipeline.screened import rehearse

    require_files(files)
    named = dict(_pair(text) for text in columns or [])
    incoming = [IncomingFile(name=file.name, path=file, table=kind, tab=tab) for file in files]
    mappings = {kind or Table.ITEMS: named} if named else None
    report = rehearse(incoming, cnpj=None, today=datetime.now(UTC), mappings=mappings).report
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, default=str))
    else:
        _show(report)


def _pair(text: str) -> tuple[str, str]:
    heading, separator, field = text.rpartition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} não tem a forma Título=campo")
    return heading, field


def _show(report: Mapping[str, Any]) -> None:
    screen = console()
    for entry in report["tables"]:
        for file in (entry, *entry.get("more_files", ())):
            _show_file(screen, file, name=entry["table"])
    screen.print(report_table(report))
    found = findings_table(report)
    if found is not None:
        screen.print(found)


def _show_file(screen: Console, entry: Mapping[str, Any], *, name: str) -> None:
    dialect = entry["dialect"]
    screen.print(f"{escape(entry['file'])} é a tabela [bold]{name}[/].", highlight=False)
    screen.print(f"{_written(dialect)}, títulos na linha {dialect['header_line']}.", highlight=False)
    screen.print(_columns_table(entry["columns"], dialect))
    if entry["hidden_tabs"]:
        hidden = escape(", ".join(entry["hidden_tabs"]))
        screen.print(f"Abas ocultas que não lemos: {hidden}.", highlight=False)
    if entry["personal"]:
        screen.print(f"Não guardamos (dados pessoais): {escape(', '.join(entry['personal']))}.\n", highlight=False)


def _written(dialect: Mapping[str, Any]) -> str:
    if dialect["tab"] is not None:
        return f"Excel, aba {escape(dialect['tab'])}"
    delimiter = _DELIMITERS.get(dialect["delimiter"], dialect["delimiter"])
    return f"Codificação {dialect['encoding']}, separada por {delimiter}"


def _columns_table(columns: Sequence[Mapping[str, Any]], dialect: Mapping[str, Any]) -> RichTable:
    styles = dialect["numbers"] | dialect["dates"]
    rows = [
        (
            column["header"],
            column["field"] or "–",
            percent(column["confidence"]) if column["field"] else "",
            str(styles.get(column["header"], "")),
            " · ".join(column["samples"]),
        )
        for column in columns
    ]
    headings = ("Coluna", "Campo", "Certeza", "Formato", "Exemplos")
    return table("Colunas reconhecidas", headings, rows, text_columns=5)
