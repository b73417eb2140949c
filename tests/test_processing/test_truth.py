"""Files are made from a model of the truth through random dialects and dirt; what comes out must be the truth.

Every row that is not of the truth must be reported, and rows in = rows accepted + rejected + skipped.
"""

import csv
import io
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.uploads import IncomingFile, Table
from app.processing.cleaner.preparing import Prepared
from app.processing.reader.recognition import write_raw
from tests.test_processing.at_hand import Desk, lines_of, rows


@dataclass(frozen=True)
class Line:
    """One line of the truth. Quantities and prices are in thousandths and cents, so that they are exact."""

    sale: str
    day: date
    sku: str
    name: str
    thousandths: int
    cents: int


@dataclass(frozen=True)
class Dialect:
    encoding: str
    delimiter: str
    newline: str
    decimal: str
    grouped: bool
    date_format: str
    quoting: Literal[0, 1]  # csv.QUOTE_MINIMAL, csv.QUOTE_ALL
    titles: int
    money: str
    person: str | None  # the heading of a column of names


NAMES = ("Café torrado 500 g", 'TV 32" LED', "Pão; francês", "Ração, cão", "linha\nquebrada", "Ímã | pequeno", "açaí")
DATE_FORMATS = (
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S-03:00",
    "%d/%m/%y",
)
PERSON = "Fulano de Tal"
HEADING = ("Número do pedido", "Data da venda", "Código (SKU)", "Nome do Produto", "Quantidade", "Valor unitário")

lines = st.builds(
    Line,
    sale=st.integers(1, 99999).map(str),
    day=st.dates(date(2024, 1, 1), date(2026, 11, 20)),
    sku=st.sampled_from(("000123", "A-1", "7891000100103", "X9", "1.234", "10")),
    name=st.sampled_from(NAMES),
    thousandths=st.integers(1, 5_000_000).filter(bool),
    cents=st.integers(1, 10_000_000),
)
dialects = st.builds(
    Dialect,
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "cp1252", "cp850", "utf-16", "utf-16-le")),
    delimiter=st.sampled_from(";,\t|"),
    newline=st.sampled_from(("\n", "\r\n")),
    decimal=st.sampled_from(",."),
    grouped=st.booleans(),
    date_format=st.sampled_from(DATE_FORMATS),
    quoting=st.sampled_from((0, 1)),
    titles=st.integers(0, 5),
    person=st.sampled_from((None, "Nome do cliente", "Vendedor")),
    money=st.sampled_from(("{}", "R$ {}", "R$\u00a0{}", " {} ", "{}")),
)
DIRT = ("blank", "total", "heading", "unreadable")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(truth=st.lists(lines, min_size=1, max_size=25), dialect=dialects, data=st.data())
def test_what_comes_out_is_the_truth(truth: list[Line], dialect: Dialect, data: st.DataObject) -> None:
    if dialect.encoding == "cp850":
        truth = [line for line in truth if line.name.encode("cp850", "ignore").decode("cp850") == line.name]
    anchored = [*truth, *ANCHORS]  # values that leave no doubt about the styles of the columns
    dirt = data.draw(st.lists(st.tuples(st.integers(0, len(anchored)), st.sampled_from(DIRT)), max_size=6))
    text, dirty = written(anchored, dialect, dirt)
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        prepared = desk.prepare(desk.file(text.encode(dialect.encoding), table=Table.ITEMS))
        rows_in, accepted, rejected, skipped = rows(prepared)
        out = lines_of(prepared)
        reported = {line for line, rule in prepared.findings.select("line", "rule").rows() if rule in REPORTED}
        again = from_raw_copy(desk, prepared)
        assert lines_of(again).equals(out)
    assert rows(again) == rows(prepared)
    assert again.findings.drop("file").equals(prepared.findings.drop("file"))
    assert (rows_in, accepted) == (len(anchored) + len(dirty), len(anchored))
    assert rejected + skipped == len(dirty)
    assert reported == dirty
    assert sorted(truth_of(out)) == sorted((n.sale, n.day, n.sku, n.thousandths, n.cents) for n in anchored)


def from_raw_copy(desk: Desk, prepared: Prepared) -> Prepared:
    """What comes out of the copy that is kept, where nothing personal may be left."""
    raw = desk.folder / "raw.csv"
    write_raw(prepared.sheets[0], raw)
    assert PERSON.encode(prepared.sheets[0].dialect.encoding) not in raw.read_bytes()
    return desk.prepare(IncomingFile("raw.csv", raw, Table.ITEMS, prepared.sheets[0].dialect.encoding))


ANCHORS = (
    Line("500001", date(2025, 12, 31), "Z", "açúcar", 1_234_567, 123_456_789),
    Line("500002", date(2025, 1, 30), "Z", "café", 2_500, 150),
)
REPORTED = {"blank-row", "total-row", "repeated-header", "unreadable-quantity"}


def truth_of(out: pl.DataFrame) -> list[tuple[str, date, str, int, int]]:
    columns = ("id_venda", "data_venda", "sku", "quantidade", "preco_unitario")
    return [(a, b, c, round(d * 1000), round(e * 100)) for a, b, c, d, e in out.select(columns).rows()]


def written(truth: list[Line], dialect: Dialect, dirt: list[tuple[int, str]]) -> tuple[str, set[int]]:
    """The file, and the lines on which its dirt stands."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=dialect.delimiter, lineterminator=dialect.newline, quoting=dialect.quoting)
    for number in range(dialect.titles):
        out.write(f"Relatório de vendas {number}{dialect.newline}")
    writer.writerow(heading(dialect))
    dirty = set()
    for place in range(len(truth) + 1):
        for _, kind in (d for d in dirt if d[0] == place):
            dirty.add(out.getvalue().count("\n") + 1)
            write_dirt(writer, out, kind, dialect)
        if place < len(truth):
            writer.writerow(cells(truth[place], dialect))
    return out.getvalue(), dirty


def write_dirt(writer: Any, out: io.StringIO, kind: str, dialect: Dialect) -> None:  # noqa: ANN401  csv's is private
    if kind == "blank":
        out.write(dialect.newline)
    elif kind == "total":
        writer.writerow(("Total", "", ""))
    elif kind == "heading":
        writer.writerow(heading(dialect))
    else:
        writer.writerow(
            with_person(("77", date(2025, 12, 30).strftime(dialect.date_format), "A-1", "x", "duas"), dialect)
        )


def cells(line: Line, dialect: Dialect) -> tuple[str, ...]:
    quantity = number(line.thousandths, 3, dialect)
    price = dialect.money.format(number(line.cents, 2, dialect))
    own = (line.sale, line.day.strftime(dialect.date_format), line.sku, line.name, quantity, price)
    return with_person(own, dialect)


def heading(dialect: Dialect) -> tuple[str, ...]:
    return (*HEADING[:3], dialect.person, *HEADING[3:]) if dialect.person else HEADING


def with_person(row: tuple[str, ...], dialect: Dialect) -> tuple[str, ...]:
    """A name that takes two lines, in the middle of the row."""
    return (*row[:3], f"{PERSON}\nou outro", *row[3:]) if dialect.person else row


def number(scaled: int, decimals: int, dialect: Dialect) -> str:
    whole, part = divmod(scaled, 10**decimals)
    grouping = "." if dialect.decimal == "," else ","
    shown = f"{whole:,}".replace(",", grouping) if dialect.grouped else str(whole)
    return f"{shown}{dialect.decimal}{part:0{decimals}d}"
