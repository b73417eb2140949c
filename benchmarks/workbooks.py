"""What it costs to look how far a workbook's cells reach before it is read: with and without, in turns.

    uv run python benchmarks/workbooks.py [--rows 200000] [--rounds 5]

Without, each part is still unpacked once, as it has to be to know that it is as long as it says.
"""

import argparse
import os
import statistics
import tempfile
import time
import zipfile
from pathlib import Path
from unittest.mock import patch

import xlsxwriter

from app.domain.uploads import IncomingFile
from app.processing.reader import opening
from app.processing.reader.extents import package
from app.processing.reader.extents.area import Areas
from app.processing.reader.sheets import Limits

HEAD = ["Pedido", "Data", "SKU", "Quantidade", "Preço", "Loja", "Vendedor", "Canal", "Cidade", "Observação"]


def workbook(path: Path, *, rows: int) -> None:
    """An ordinary workbook: texts, numbers and dates in ten columns."""
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEAD)
        for at in range(1, rows + 1):
            texts = [f"Vendedor {at % 40}", "loja", f"Cidade {at % 300}", f"nota {at}"]
            sheet.write_row(at, 0, [at, "18/09/2026", f"SKU{at % 5000}", at % 7 + 1, at % 900 / 10, at % 12, *texts])


def only_unpacked(archive: zipfile.ZipFile, areas: Areas) -> None:
    """Every part to its end, and nothing looked at."""
    for member in archive.infolist():
        for _ in package.unpacked(archive, member, areas):
            pass


def seconds(path: Path) -> float:
    """How long it takes until the workbook is CSV on disk."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        list(opening.text_files(IncomingFile(path.name, path), workdir=Path(folder), limits=Limits()))
        return time.perf_counter() - began


def without(path: Path) -> float:
    """The same, of a workbook that is trusted."""
    with patch("app.processing.reader.archives.check_parts", only_unpacked):
        return seconds(path)


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ano.xlsx"
        workbook(path, rows=asked.rows)
        ways = {"with": seconds, "without": without}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(asked.rounds):
            for name, way in ways.items():
                taken[name].append(way(path))
        ratio = statistics.median(a / b for a, b in zip(taken["with"], taken["without"], strict=True))
        medians = ", ".join(f"{name} {statistics.median(times):.2f} s" for name, times in taken.items())
        size = path.stat().st_size / 1e6
        load = os.getloadavg()[0]
        print(f"{asked.rows} rows x {len(HEAD)}, {size:.1f} MB: {medians}, ratio {ratio:.3f}, load {load:.1f}")


if __name__ == "__main__":
    main()
