"""The report a shop owner reads after an upload: per table what was understood, what became of the rows, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain.findings import RULES, RowCount, Rule, Severity
from app.domain.text import Text
from app.domain.uploads import Table
from app.processing.reader.sheets import Sheet
from app.processing.validator.noticing import FILE

EXAMPLES: Final = 5
_ORDER: Final = (Severity.REJECTED, Severity.WARNING, Severity.SKIPPED)


def report_of(
    sheets: Sequence[Sheet],
    counts: Mapping[Table, RowCount],
    findings: pl.DataFrame,
    *,
    only_counted: Mapping[Table, Mapping[str, int]] | None = None,
) -> dict[str, object]:
    """The report as JSON; its `tables` have table, file, dialect, columns, personal, rows, and findings by rule."""
    tables = [
        {
            "table": table.value,
            **_understood([sheet for sheet in sheets if sheet.table is table]),
            "rows": _rows(counts[table]),
            "findings": _by_rule(findings.filter(pl.col(c.TABLE) == table.value), (only_counted or {}).get(table, {})),
        }
        for table in Table
        if table in counts
    ]
    return {"tables": tables}


def _understood(sheets: Sequence[Sheet]) -> dict[str, object]:
    """The first file's reading, with the others under `more_files`."""
    first, *others = [sheet.as_json() for sheet in sheets]
    return {**first, "more_files": others} if others else first


def _rows(count: RowCount) -> dict[str, int]:
    return {
        "in": count.rows_in,
        "accepted": count.accepted,
        "rejected": count.rejected,
        "skipped": count.skipped,
    }


def _by_rule(findings: pl.DataFrame, only_counted: Mapping[str, int]) -> list[dict[str, object]]:
    """Rejections first, then warnings, then what was skipped; the most frequent first."""
    counted = Counter(dict(findings[c.RULE].value_counts().iter_rows()))
    counted.update(only_counted)
    found = sorted(
        ((RULES[code], number) for code, number in counted.items()), key=lambda pair: (-pair[1], pair[0].code)
    )
    return [
        told(rule, count=number, examples=_examples(findings, rule.code))
        for severity in _ORDER
        for rule, number in found
        if rule.severity is severity
    ]


def told(rule: Rule, *, count: int, examples: list[dict[str, object]]) -> dict[str, object]:
    """One finding as JSON: rule, severity, title, mend, count, examples."""
    return {
        "rule": rule.code,
        "severity": rule.severity.value,
        "title": _both(rule.title),
        "mend": _both(rule.mend),
        "count": count,
        "examples": examples,
    }


def _both(text: Text) -> dict[str, str]:
    return {"pt-BR": text.pt, "en": text.en}


def _examples(findings: pl.DataFrame, code: str) -> list[dict[str, object]]:
    first = findings.filter(pl.col(c.RULE) == code).bottom_k(EXAMPLES, by=c.LINE)
    return first.sort(c.LINE).select(FILE, c.LINE, c.COLUMN, c.VALUE).to_dicts()
