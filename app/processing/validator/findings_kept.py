"""A list of findings that someone could read, and a count of those beyond it: a file may be wrong on every line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain.findings import Rule
from app.processing.reader.sheets import LINE, SHEET, Sheet
from app.processing.validator.noticing import noticed

MOST_FINDINGS: Final = 1_000_000  # as many as a workbook shows


class FindingsKept:
    """Keeps the first findings it is given; of the others, how many there are of each rule."""

    def __init__(self, *, most: int = MOST_FINDINGS) -> None:
        self._room = most
        self.frames: list[pl.DataFrame] = []
        self.only_counted: Counter[str] = Counter()

    def add(self, findings: pl.DataFrame, *, besides: Mapping[str, int] | None = None) -> None:
        """The next findings, and how many more there are of some rules that nobody listed."""
        self.frames.append(findings.head(self._room))
        self.only_counted.update(dict(findings[c.RULE].slice(self._room).value_counts().iter_rows()))
        self.only_counted.update(besides or {})
        self._room = max(self._room - findings.height, 0)

    def notice(self, sheets: Sequence[Sheet], rule: Rule, rows: pl.DataFrame, *, field: str) -> None:
        """The same finding about many rows, of which no more are written out than there is room for.

        Args:
            sheets: the files they may be from.
            rule: what was found.
            rows: `sheet` (place in `sheets`), `line`, and the field.
            field: whose value is shown.
        """
        for number, sheet in enumerate(sheets):
            found = rows.filter(pl.col(SHEET) == number)
            shown = found.head(self._room)
            listed = noticed(sheet, rule, shown[LINE], field=field, values=shown[field])
            self.add(listed, besides={rule.code: found.height - shown.height} if found.height > shown.height else None)
