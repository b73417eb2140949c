"""Orders that are true, and the many ways in which a system may export them: what tests compare a reading with."""

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Literal

import xlsxwriter
from hypothesis import strategies as st

HEADING = ("Número do pedido", "Data da venda", "Situação", "Código (SKU)", "Descrição", "Quantidade", "Valor unitário")
WORDS = {
    "concluida": ("Atendido", "Faturada", "Entregue", "Pago"),
    "cancelada": ("Cancelado", "CANCELADA"),
    "devolvida": ("Devolvido", "Reembolsado"),
    "pendente": ("Em aberto", "Aguardando pagamento"),
}
Cell = str | float | datetime
Row = tuple[Cell, ...]
Dirt = Literal["blank", "heading", "total", "subtotal", "package", "unreadable", "zero"]
ANYWHERE: tuple[Dirt, ...] = ("blank", "heading", "total", "subtotal")
BETWEEN_ORDERS: tuple[Dirt, ...] = ("package", "unreadable", "zero")
RULES = {
    "blank": "blank-row",
    "heading": "repeated-header",
    "total": "total-row",
    "subtotal": "total-row",
    "package": "package-row",
    "unreadable": "unreadable-quantity",
    "zero": "zero-quantity",
}
_SERIAL_OF_1970 = 25569
_UNIX = date(1970, 1, 1)


@dataclass(frozen=True)
class Item:
    """One line of an order: thousandths of a unit, below zero when it came back, and cents."""

    sku: str
    name: str
    thousandths: int
    cents: int


@dataclass(frozen=True)
class Order:
    sale: str
    day: date
    situation: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Export:
    """How a system writes its orders."""

    container: Literal["csv", "xlsx", "zip of csv", "zip of xlsx"]
    encoding: str
    delimiter: str
    newline: str
    quote_all: bool
    decimal: Literal[",", "."]
    grouped: bool
    money: str
    negative: str
    code: str
    dates: str  # of strftime, or `serial`
    typed: bool  # numbers and dates of a workbook are such, and not text
    titles: int
    repeats: Literal["all", "number", "nothing"]  # of the order, on the rows after its first
    word: int  # which of the words for a situation


items = st.builds(
    Item,
    sku=st.sampled_from(("000123", "A-1", "7891000100103", "X9", "1.234", "10")),
    name=st.sampled_from(("Café torrado", "Pão; francês", "Ração, cão", "Ímã | pequeno", "açaí")),
    thousandths=st.integers(-5_000_000, 5_000_000).filter(bool),
    cents=st.integers(1, 10_000_000),
)
orders = st.builds(
    Order,
    sale=st.integers(1, 99999).map(str),
    day=st.dates(date(2024, 1, 1), date(2026, 11, 20)),
    situation=st.sampled_from(sorted(WORDS)),
    items=st.lists(items, min_size=1, max_size=4).map(tuple),
)
histories = st.lists(orders, min_size=1, max_size=8, unique_by=lambda order: order.sale)
exports = st.builds(
    Export,
    container=st.sampled_from(("csv", "csv", "csv", "xlsx", "zip of csv", "zip of xlsx")),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "cp1252", "cp850", "utf-16")),
    delimiter=st.sampled_from(";,\t|"),
    newline=st.sampled_from(("\n", "\r\n")),
    quote_all=st.booleans(),
    decimal=st.sampled_from((",", ".")),
    grouped=st.booleans(),
    money=st.sampled_from(("{}", "R$ {}", "R$\u00a0{}", "\u00a0{} ")),
    negative=st.sampled_from(("-{}", "{}-", "({})", "- {}")),
    code=st.sampled_from(("{}", '="{}"', "'{}")),
    dates=st.sampled_from(("%d/%m/%Y", "%d/%m/%Y %H:%M", "%d-%m-%Y", "%Y-%m-%d", "%Y%m%d", "%d/%m/%y", "serial")),
    typed=st.booleans(),
    titles=st.integers(0, 6),
    repeats=st.sampled_from(("all", "number", "nothing")),
    word=st.integers(0, 3),
)
# An order that leaves no doubt about the styles of the columns.
ANCHOR = Order(
    "500001",
    date(2025, 12, 31),
    "concluida",
    (Item("Z", "açúcar", 1_234_567, 123_456_789), Item("Z", "café", 2_500, 150), Item("Z", "café", -1_500, 150)),
)


@st.composite
def dirt(draw: st.DrawFn, history: Sequence[Order]) -> list[tuple[int, Dirt]]:
    """Rows that are no sales, each before some row of the export; never last, where a workbook knows no blank row."""
    first_rows = [sum(len(order.items) for order in history[:place]) for place in range(len(history))]
    anywhere = st.tuples(st.integers(0, sum(len(order.items) for order in history) - 1), st.sampled_from(ANYWHERE))
    between = st.tuples(st.sampled_from(first_rows), st.sampled_from(BETWEEN_ORDERS))
    return draw(st.lists(anywhere | between, max_size=6))


def write_export(
    history: Sequence[Order], export: Export, dirty: Sequence[tuple[int, Dirt]], folder: Path
) -> tuple[Path, set[tuple[int, str]]]:
    """The file, and the line and rule of every row that is dirt."""
    rows: list[Row] = [(f"Relatório de vendas {number}",) for number in range(export.titles)]
    rows.append(HEADING)
    reported = set()
    for place, row in enumerate(row for order in history for row in _rows(order, export)):
        for kind in (kind for before, kind in dirty if before == place):
            rows.append(_dirty_row(kind, export))
            reported.add((len(rows), RULES[kind]))
        rows.append(row)
    return _contained(rows, export, folder), reported


def truth_of(history: Sequence[Order]) -> list[tuple[str, date, str, str, int, int]]:
    """Sale, day, situation, product, thousandths and cents of every line, in order."""
    return sorted(
        (order.sale, order.day, order.situation, item.sku, item.thousandths, item.cents)
        for order in history
        for item in order.items
    )


def _rows(order: Order, export: Export) -> list[Row]:
    words = WORDS[order.situation]
    whole: Row = (order.sale, _day(order.day, export), words[export.word % len(words)])
    rest: Row = {"all": whole, "number": (order.sale, "", ""), "nothing": ("", "", "")}[export.repeats]
    return [(*(rest if number else whole), *_item(item, export)) for number, item in enumerate(order.items)]


def _item(item: Item, export: Export) -> Row:
    quantity, price = _number(item.thousandths, 3, export), _number(item.cents, 2, export)
    shown = export.money.format(price) if isinstance(price, str) else price
    return (export.code.format(item.sku), item.name, quantity, shown)


def _dirty_row(kind: Dirt, export: Export) -> Row:
    day = _day(date(2025, 12, 30), export)
    rows: dict[Dirt, Row] = {
        "blank": (),
        "heading": HEADING,
        "total": ("Total", "", "", "", "", _number(9_500, 3, export)),
        "subtotal": ("Subtotal:",),
        "package": ("88", day, "Pago", "", "Pacote de 3 produtos", ""),
        "unreadable": ("77", day, "Pago", "A-1", "x", "duas", ""),
        "zero": ("78", day, "Pago", "A-1", "x", _number(0, 3, export), ""),
    }
    return rows[kind]


def _day(day: date, export: Export) -> Cell:
    if export.dates == "serial":
        serial = _SERIAL_OF_1970 + (day - _UNIX).days
        return serial if _is_typed(export) else str(serial)
    if _is_typed(export):
        return datetime.combine(day, time(9, 30))
    return day.strftime(export.dates)


def _number(scaled: int, decimals: int, export: Export) -> Cell:
    if _is_typed(export):
        return float(scaled) / float(10**decimals)
    whole, part = divmod(abs(scaled), 10**decimals)
    grouping = "." if export.decimal == "," else ","
    shown = f"{whole:,}".replace(",", grouping) if export.grouped else str(whole)
    text = f"{shown}{export.decimal}{part:0{decimals}d}"
    return export.negative.format(text) if scaled < 0 else text


def _is_typed(export: Export) -> bool:
    return export.typed and export.container.endswith("xlsx")


def _contained(rows: Sequence[Row], export: Export, folder: Path) -> Path:
    inner = folder / ("export.xlsx" if export.container.endswith("xlsx") else "export.csv")
    if inner.suffix == ".xlsx":
        _write_workbook(rows, inner)
    else:
        inner.write_bytes(_text(rows, export).encode(export.encoding))
    if not export.container.startswith("zip"):
        return inner
    packed = folder / "export.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inner, f"vendas/{inner.name}")
    return packed


def _text(rows: Sequence[Row], export: Export) -> str:
    out = io.StringIO(newline="")
    quoting: Literal[0, 1] = 1 if export.quote_all else 0  # csv.QUOTE_ALL, csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=export.delimiter, lineterminator=export.newline, quoting=quoting)
    for row in rows:
        if row:
            writer.writerow(row)
        else:
            out.write(export.newline)
    text = out.getvalue()
    return text if export.quote_all else text.replace('"=""', '="').replace('"""', '"')  # as systems write formulas


def _write_workbook(rows: Sequence[Row], path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Vendas")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(number, place, cell, day)
                elif isinstance(cell, str):
                    sheet.write_string(number, place, cell)
                else:
                    sheet.write_number(number, place, cell)
