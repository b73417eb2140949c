"""What a file may cost in memory, measured in a process of its own: a file may be double, or wrong, on every line."""

import subprocess
import sys
from pathlib import Path

MEASURE = """
import resource, sys
from datetime import date
from pathlib import Path
from app.domain.uploads import IncomingFile, Table
from app.processing.cleaner.preparing import prepare
from app.processing.reader.recognition import recognise

file = Path(sys.argv[1])
sheets = recognise([IncomingFile(file.name, file, Table.ITEMS)], workdir=file.parent)
prepared = prepare(sheets, today=date(2026, 11, 22), workdir=file.parent)
count = prepared.counts[Table.ITEMS]
noticed = sum(rule["count"] for rule in prepared.report()["tables"][0]["findings"])
kept = sum(prepared.lines(month).height for month in prepared.months)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, count.rows_in, count.accepted, kept, noticed)
"""
LINES = 5_000_000  # more than are ever listed


def measured(folder: Path, line: str) -> tuple[float, list[int]]:
    """Peak bytes a line; lines in, accepted, kept, and noticed."""
    file = folder / "itens.csv"
    file.write_text("Número do pedido;Data da venda;Código do produto;Quantidade\n" + line * LINES)
    command = [sys.executable, "-c", MEASURE, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, *counts = map(int, done.stdout.split())
    return peak / LINES, counts


def test_a_line_repeated_by_the_million_is_counted_to_the_last_and_costs_little_memory(tmp_path: Path) -> None:
    bytes_a_line, counts = measured(tmp_path, "1001;31/10/2025;A1;1\n")
    assert counts == [LINES, LINES, LINES, LINES - 1]
    assert bytes_a_line < 350, "it was 410 when every repetition was listed, and compared with its whole line"


def test_a_file_wrong_on_every_line_is_counted_to_the_last_and_costs_little_memory(tmp_path: Path) -> None:
    bytes_a_line, counts = measured(tmp_path, "1001;31/10/2025;A1;dois\n")
    assert counts == [LINES, 0, 0, LINES]
    assert bytes_a_line < 300, "under 190 on an idle machine, 233 seen on a busy one: two blocks are read at once"
