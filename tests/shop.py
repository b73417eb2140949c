"""A small shop whose truth is known: what tests upload."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import xlsxwriter

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


def bread_sold(*, days: int, first: date = FIRST_DAY) -> int:
    return sum(10 + (first + timedelta(days=at)).weekday() for at in range(days))


SATURDAY = 5
PETROL = 30_080


def _number(day: date) -> int:
    return day.toordinal()


def _written(path: Path, lines: list[str], table: Table) -> IncomingFile:
    path.write_text("\r\n".join(lines) + "\r\n", encoding="cp1252")
    return IncomingFile(name=path.name, path=path, table=table)
