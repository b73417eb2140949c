"""Files written and prepared in one go, for tests that care about what comes out."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from app.domain.cnpj import Cnpj
from app.domain.uploads import IncomingFile, Table
from app.processing.cleaner.preparing import Prepared, prepare
from app.processing.reader.recognition import recognise
from app.processing.reader.sheets import Sheet

TODAY = date(2026, 11, 22)


class Desk:
    """A folder where a test writes files and has them read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(
        self, text: str | bytes, *, name: str = "itens.csv", encoding: str = "utf-8", table: Table | None = None
    ) -> IncomingFile:
        """A file of this text."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return IncomingFile(name, path, table)

    def recognise(self, *files: IncomingFile, **settings: Any) -> tuple[Sheet, ...]:  # noqa: ANN401  passed on as they are
        """What the files are."""
        return recognise(files, workdir=self.folder, **settings)

    def prepare(self, *files: IncomingFile, cnpj: Cnpj | None = None) -> Prepared:
        """What comes out of the files."""
        return prepare(self.recognise(*files), today=TODAY, workdir=self.folder, cnpj=cnpj)

    def items(self, text: str, **settings: Any) -> Prepared:  # noqa: ANN401  passed on as they are
        """What comes out of one file of items."""
        return self.prepare(self.file(text, **settings))


def lines_of(prepared: Prepared) -> pl.DataFrame:
    """All the clean lines."""
    return pl.concat([prepared.lines(month) for month in prepared.months])


def found(prepared: Prepared) -> list[tuple[int, str, str | None, str | None]]:
    """The findings: line, rule, column, value."""
    return sorted(prepared.findings.select("line", "rule", "column", "value").rows(), key=str)


def rows(prepared: Prepared, table: Table = Table.ITEMS) -> tuple[int, int, int, int]:
    """In, accepted, rejected, skipped."""
    count = prepared.counts[table]
    assert count.rows_in == count.accepted + count.rejected + count.skipped
    json.dumps(prepared.report())
    return count.rows_in, count.accepted, count.rejected, count.skipped
