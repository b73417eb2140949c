"""Numbers, dates and tables as a Brazilian shop owner reads them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

_STAGES = {
    "received": "Na fila",
    "preparing": "Conferindo e limpando as planilhas",
    "prepared": "Planilhas prontas",
    "forecasting": "Preparando a previsão",
    "load": "Lendo a história de vendas",
    "categories": "Prevendo a empresa e as categorias",
    "products": "Prevendo os produtos",
    "accuracy": "Medindo os erros do passado",
    "done": "Juntando os níveis",
    "published": "Previsão pronta",
    "failed": "Não deu certo",
}

# Plain characters and a generous width when the output goes to a file: a narrow pipe must not cut the numbers.
_WIDTH_OF_A_FILE = 140


def console() -> Console:
    """Where a command speaks to a person."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=_WIDTH_OF_A_FILE)


def number(value: float | None, *, decimals: int = 0) -> str:
    """`1234.5` as `1.234,5`; nothing as a dash."""
    if value is None:
        return "–"
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


def units(value: float | None) -> str:
    """Units with as many decimals as matter: whole ones when there are ten or more."""
    few = 10
    return number(value, decimals=0 if value is None or value >= few else 1)


def money(value: float | None) -> str:
    """`1234.5` as `R$ 1.234,50`."""
    return "–" if value is None else f"R$ {number(value, decimals=2)}"


def percent(ratio: float | None) -> str:
    """`0.123` as `12,3%`."""
    return "–" if ratio is None else f"{number(100 * ratio, decimals=1)}%"


def day(value: date) -> str:
    """dd/mm/aaaa."""
    return f"{value:%d/%m/%Y}"


def band(row: Mapping[str, Any]) -> str:
    """The likely range of a forecast."""
    return f"de {units(row['p10'])} a {units(row['p90'])}"


def table(title: str, headings: Iterable[str], rows: Iterable[Iterable[str]], *, text_columns: int = 1) -> RichTable:
    """A table whose first columns are words and whose others are numbers."""
    drawn = RichTable(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for at, heading in enumerate(headings):
        is_text = at < text_columns
        drawn.add_column(heading, justify="left" if is_text else "right", no_wrap=not is_text)
    for row in rows:
        drawn.add_row(*map(escape, row))  # a product's name may hold brackets
    return drawn


def stage_words(stage: str) -> str:
    """What is being done, for a progress bar."""
    return _STAGES.get(stage, stage)
