"""A small shop whose truth is known: what tests upload."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import xlsxwriter

from app.core.lake import is_receipt
from app.core.s3 import Store
from app.domain.uploads import IncomingFile, Table

CNPJ = "11222333000181"
FIRST_DAY = date(2025, 1, 1)


def write_shop(
    folder: Path, *, days: int = 200, first: date = FIRST_DAY, bad_lines: int = 0, petrol: date | None = None
) -> list[IncomingFile]:
    """Three files as an ERP exports them: bread sells every day, cake on Saturdays, and `bad_lines` cannot be read.

    On the day of `petrol` thirty thousand thousandths of a gallon are sold besides.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sales, items = (
        ["Número do pedido;Data da venda;Situação"],
        ["Número do pedido;Código (SKU);Quantidade;Valor unitário"],
    )
    for at in range(days):
        day = first + timedelta(days=at)
        sales.append(f"{_number(day)};{day:%d/%m/%Y};Concluída")
        items.append(f"{_number(day)};PAO;{10 + day.weekday()};0,75")
        if day.weekday() == SATURDAY:
            items.append(f"{_number(day)};BOLO;3;32,50")
        if day == petrol:
            items.append(f"{_number(day)};GASOLINA;{PETROL};0,002")
    items += [f"{_number(first)};PAO;muito;0,75"] * bad_lines
    products = [
        "Código (SKU);Descrição;Categoria;Preço de venda",
        "PAO;Pão francês;Padaria;0,75",
        "BOLO;Bolo de cenoura;Confeitaria;32,50",
    ]
    tables = {Table.SALES: sales, Table.ITEMS: items, Table.PRODUCTS: products}
    return [_written(folder / f"{table}.csv", lines, table) for table, lines in tables.items()]


def write_workbook(path: Path, *, tabs: Sequence[str]) -> Path:
    """A workbook of items, a tab a month: of each its name is sold once."""
    with xlsxwriter.Workbook(path) as book:
        for name in tabs:
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["Pedido", "Data", "SKU", "Qtd"])
            sheet.write_row(1, 0, ["1", "18/09/2026", name, 1])
    return path


MONTH_DAYS = 28
_HEADINGS = (
    ("Pedido", "Data", "SKU", "Qtd", "Valor unitário"),
    ("Número do pedido", "Data da venda", "Código (SKU)", "Quantidade", "Preço unitário"),
    ("N.º de venda", "Data da venda", "SKU", "Unidades", "Preço unitário"),
)


def month_rows(month: int, *, sku: str = "PAO") -> list[list[str]]:
    """A month of items under their headings: every day one sale of as many units as the month's number, at R$ 2,50."""
    days = range(1, MONTH_DAYS + 1)
    rows = [[f"{month}-{day}", f"{day:02}/{month:02}/2025", sku, str(month), "2,50"] for day in days]
    return [list(_HEADINGS[month % len(_HEADINGS)]), *rows]


def write_months(folder: Path, months: Sequence[int]) -> list[Path]:
    """A file of items a month, no two written alike: other headings, another encoding, another delimiter."""
    folder.mkdir(parents=True, exist_ok=True)
    styles = ((";", "cp1252"), ("\t", "utf-8-sig"), ("|", "utf-16"))
    paths = []
    for month in months:
        delimiter, encoding = styles[month % len(styles)]
        path = folder / f"mes-{month:02}.csv"
        path.write_text("".join(f"{delimiter.join(row)}\n" for row in month_rows(month)), encoding=encoding)
        paths.append(path)
    return paths


def write_tabs(
    path: Path, tabs: Mapping[str, Sequence[Sequence[str]]], *, hidden: Mapping[str, str] | None = None
) -> Path:
    """A workbook with these tabs, of which some are `hidden` or `very_hidden`."""
    with xlsxwriter.Workbook(path) as book:
        for name, rows in tabs.items():
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
            if how := (hidden or {}).get(name):
                getattr(sheet, {"hidden": "hide", "very_hidden": "very_hidden"}[how])()
            else:
                sheet.activate()  # a workbook opens on a tab that is seen
    return path


def sold_in(lake: Store) -> tuple[float, float]:
    """Units and reais of all the sales months in a lake, to which one upload was published."""
    keys = [stored.key for stored in lake.list("processed") if "/itens_" in stored.key]
    lines = pl.concat([pl.read_parquet(lake.get(key)) for key in keys])
    return float(lines["quantidade"].sum()), float(lines["valor_total"].sum())


def sold_in_months(months: Sequence[int]) -> tuple[float, float]:
    """The truth of `month_rows`."""
    units = sum(MONTH_DAYS * month for month in months)
    return units, units * 2.5


def raw_keys(lake: Store) -> list[str]:
    """The files in raw/, in the order of their names, without the word that they are there."""
    return sorted(stored.key for stored in lake.list("raw") if not is_receipt(stored.key))


def bread_sold(*, days: int, first: date = FIRST_DAY) -> int:
    return sum(10 + (first + timedelta(days=at)).weekday() for at in range(days))


SATURDAY = 5
PETROL = 30_080


def _number(day: date) -> int:
    return day.toordinal()


def _written(path: Path, lines: list[str], table: Table) -> IncomingFile:
    path.write_text("\r\n".join(lines) + "\r\n", encoding="cp1252")
    return IncomingFile(name=path.name, path=path, table=table)
