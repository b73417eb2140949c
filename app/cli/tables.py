"""What a command shows of a forecast: the company, its biggest products, the errors before, the rows set aside."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table as RichTable

from app.cli.words import band, day, money, number, percent, table, units
from app.domain.forecasts import BASELINE, HORIZONS, OURS, Level

Row = Mapping[str, Any]
_HELD_OUT_SHOWN = 10
_LEVELS = {Level.COMPANY: "Empresa", Level.CATEGORY: "Categorias", Level.PRODUCT: "Produtos"}


def company_table(totals: Iterable[Row], accuracy: Sequence[Row]) -> RichTable:
    """The company's next 30, 60 and 90 days, and how wrong such forecasts were before."""
    rows = [
        (
            f"Próximos {row['horizon_days']} dias",
            units(row["mean"]),
            band(row),
            money(row["revenue_mean"]),
            _error(accuracy, Level.COMPANY, row["horizon_days"], OURS),
            _error(accuracy, Level.COMPANY, row["horizon_days"], BASELINE),
        )
        for row in totals
    ]
    headings = ("Empresa", "Unidades", "Faixa provável", "Faturamento", "Erro médio", "Sem o sistema")
    return table("Previsão de vendas da empresa", headings, rows)


def products_table(products: Sequence[Row], ranges: Mapping[str, Row]) -> RichTable:
    """The biggest products, one a line; `ranges` has the 30-day total of each by its id."""
    rows = [
        (
            f"{product['name'] or product['id']}",
            units(product["mean_30"]),
            band(ranges[product["id"]]),
            units(product["mean_60"]),
            units(product["mean_90"]),
            money(product["revenue_mean_30"]),
            product["grade"] or "–",
        )
        for product in products
    ]
    headings = ("Produto", "30 dias", "Faixa provável", "60 dias", "90 dias", "Faturamento 30 dias", "Confiança")
    return table(f"Os {len(rows)} produtos que mais devem faturar", headings, rows)


def accuracy_table(accuracy: Sequence[Row]) -> RichTable:
    """The backtest: the average error of the totals, ours beside repeating the last season."""
    rows = [
        (
            _LEVELS[level],
            f"{horizon} dias",
            _error(accuracy, level, horizon, OURS),
            _error(accuracy, level, horizon, BASELINE),
        )
        for level in _LEVELS
        for horizon in HORIZONS
    ]
    headings = ("Nível", "Total de", "Erro médio da previsão", "Sem o sistema")
    return table("Quanto a previsão errou no passado (teste com datas já conhecidas)", headings, rows, text_columns=2)


def hindsight_table(rows: Iterable[Row]) -> RichTable:
    """Forecast beside what then really sold."""
    drawn = [
        (
            _LEVELS[row["level"]],
            f"{row['horizon_days']} dias",
            units(row["mean"]),
            units(row["sold"]),
            percent(row["wape"]),
        )
        for row in rows
    ]
    headings = ("Nível", "Total de", "Previsto", "Realizado", "Erro (WAPE)")
    return table("Previsto × realizado", headings, drawn, text_columns=2)


def report_table(report: Mapping[str, Any]) -> RichTable:
    """Rows in, accepted and set aside, a line a table; its first file, and how many more."""
    rows = [
        (
            entry["table"],
            _files(entry),
            *(number(entry["rows"][outcome]) for outcome in ("in", "accepted", "rejected", "skipped")),
        )
        for entry in report["tables"]
    ]
    headings = ("Planilha", "Arquivo", "Linhas", "Aceitas", "A corrigir", "Puladas")
    return table("Conferência dos arquivos", headings, rows, text_columns=2)


def findings_table(report: Mapping[str, Any], *, language: str = "pt-BR") -> RichTable | None:
    """What was found, most frequent first, with the first place and how to mend it; None when nothing was."""
    found = [(entry, finding) for entry in report["tables"] for finding in entry["findings"]]
    if not found:
        return None
    rows = [
        (
            entry["table"],
            _words(finding["title"], language),
            number(finding["count"]),
            _place(finding, named="more_files" in entry),
            _words(finding["mend"], language),
        )
        for entry, finding in sorted(found, key=lambda pair: -pair[1]["count"])
    ]
    drawn = table("O que encontramos", ("Planilha", "O quê", "Vezes", "Por exemplo", "Como corrigir"), rows)
    for column in drawn.columns[1:]:
        column.no_wrap = False
        column.justify = "left"
    return drawn


def held_out_list(report: Mapping[str, Any]) -> Group | None:
    """The sales that the forecast was made without, the largest ones, and what to do; None where there are none."""
    found = report.get("forecast", {}).get("findings", [])
    if not found:
        return None
    finding = found[0]
    shown = finding["examples"][:_HELD_OUT_SHOWN]
    rows = [(sale["sku"], day(date.fromisoformat(sale["date"])), units(sale["quantity"])) for sale in shown]
    rest = finding["count"] - len(shown)
    return Group(
        f"[bold]{escape(_words(finding['title'], 'pt-BR'))}[/]",
        table("", ("Produto", "Dia", "Quantidade"), rows),
        *([f"… e mais {number(rest)}."] if rest else []),
        escape(_words(finding["mend"], "pt-BR")) + "\n",
    )


def _words(text: Any, language: str) -> str:  # noqa: ANN401  a report's JSON
    return str(text[language]) if isinstance(text, Mapping) else str(text)


def _files(entry: Row) -> str:
    more = len(entry.get("more_files", ()))
    return f"{entry['file']} e mais {more}" if more else str(entry["file"])


def _place(finding: Row, *, named: bool) -> str:
    """Where it was first found, with the name of the file if the table has several."""
    first = finding["examples"][0] if finding["examples"] else None
    if first is None:
        return ""
    value = f" ({first['value']})" if first.get("value") else ""
    file = f"{first['file']}, " if named else ""
    return f"{file}linha {first['line']}{value}"


def _error(accuracy: Sequence[Row], level: str, horizon_days: int, model: str) -> str:
    wanted = (level, horizon_days, model)
    found = [row["wape"] for row in accuracy if (row["level"], row["horizon_days"], row["model"]) == wanted]
    return percent(found[0]) if found else "–"
