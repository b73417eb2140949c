"""The rules that files are held to, each with a stable code and a sentence on how to mend it."""

from enum import StrEnum
from typing import NamedTuple

from app.domain.text import Text


class Severity(StrEnum):
    """What a finding did to its row. Rows in = rows accepted + rows rejected + rows skipped."""

    REJECTED = "rejected"  # set aside: the customer should mend it
    SKIPPED = "skipped"  # never a sale: totals, repeated headings, blank rows
    WARNING = "warning"  # accepted, and worth a look


class Rule(NamedTuple):
    """One rule of the input contract. `code` never changes."""

    code: str
    severity: Severity
    title: Text
    mend: Text


class RowCount(NamedTuple):
    """What became of the rows of one table. `rows_in == accepted + rejected + skipped` always."""

    rows_in: int
    accepted: int
    rejected: int
    skipped: int
