"""What a file may cost in memory: it may be double, or wrong, on every line.

Measured in a process of its own, one block at a time in one thread, so that a busy machine gives the same figure.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.uploads import Table

MEASURE = """
import sys
from datetime import date
from pathlib import Path
from app.domain.uploads import IncomingFile, Table
from app.processing.cleaner import preparing
from app.processing.reader.recognition import recognise

preparing.BLOCKS_AT_ONCE = preparing.MONTHS_AT_ONCE = 1
file, table = Path(sys.argv[1]), Table(sys.argv[2])
sheets = recognise([IncomingFile(file.name, file, table)], workdir=file.parent)
prepared = preparing.prepare(sheets, today=date(2026, 11, 22), workdir=file.parent)
count = prepared.counts[table]
noticed = sum(rule["count"] for rule in prepared.report()["tables"][0]["findings"])
listed = prepared.findings.height
kept = sum(prepared.lines(month).height for month in prepared.months)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))  # this program's alone
print(int(peak) * 1024, count.rows_in, count.accepted, kept, noticed, listed)
"""
LINES = 5_000_000
LISTED = 1_000_000
HEADINGS = {
    Table.ITEMS: "Número do pedido;Data da venda;Código do produto;Quantidade\n",
    Table.SALES: "Número do pedido;Data da venda;Situação\n",
    Table.PRODUCTS: "Código;Descrição;Preço\n",
}


def measured(folder: Path, table: Table, line: str) -> tuple[float, list[int]]:
    """Peak bytes a line; lines in, accepted, kept, noticed, and listed."""
    file = folder / f"{table}.csv"
    file.write_text(HEADINGS[table] + line * LINES)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file), table],
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    peak, *counts = map(int, done.stdout.split())
    return peak / LINES, counts


def test_a_line_repeated_by_the_million_is_counted_to_the_last_and_costs_little_memory(tmp_path: Path) -> None:
    bytes_a_line, counts = measured(tmp_path, Table.ITEMS, "1001;31/10/2025;A1;1\n")
    assert counts == [LINES, LINES, LINES, LINES - 1, LISTED]
    assert bytes_a_line < 320, "it was 410 when every repetition was listed, and compared with its whole line"


@pytest.mark.parametrize(
    ("table", "line", "most"),
    [
        (Table.ITEMS, "1001;31/10/2025;A1;dois\n", 130),
        (Table.SALES, "1001;31/02/2025;Paga\n", 130),
        (Table.PRODUCTS, ";Caneca;9,90\n", 130),
    ],
    ids=str,
)
def test_a_file_wrong_on_every_line_is_counted_to_the_last_and_costs_little_memory(
    tmp_path: Path, table: Table, line: str, most: int
) -> None:
    bytes_a_line, counts = measured(tmp_path, table, line)
    assert counts == [LINES, 0, 0, LINES, LISTED]
    assert bytes_a_line < most, "95 as it is; every finding listed makes it 233"
