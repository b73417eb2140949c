"""The tables a company sends, and the states an upload passes through."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

LONGEST_TAB: Final = 31  # letters: Excel's own limit
PRINTABLE: Final = r"^[^\x00-\x1f\x7f]+$"  # a name in one line


class Table(StrEnum):
    """The three tables of the input contract, by the names the customer uses."""

    SALES = "vendas"
    ITEMS = "vendas_itens"
    PRODUCTS = "produtos"


class UploadState(StrEnum):
    """received -> preparing -> prepared -> forecasting -> published; failed or cancelled may follow any but the last.

    An upload whose files go straight to the lake is awaiting them before it is received.
    """

    AWAITING = "awaiting-files"
    RECEIVED = "received"
    PREPARING = "preparing"
    PREPARED = "prepared"
    FORECASTING = "forecasting"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to the upload by itself."""
        return self in {UploadState.PUBLISHED, UploadState.FAILED, UploadState.CANCELLED}


class IncomingFile(NamedTuple):
    """A file as the customer sent it, on local disk. `name` is the customer's, never a path of ours.

    The last two are told of raw copies alone: they are read again as they were when they came.
    """

    name: str
    path: Path
    table: Table | None = None  # None: find out from its columns
    encoding: str | None = None  # as found out when it was received; None: find out from its bytes
    tab: str | None = None  # of a workbook, the one to read; None: every visible table
    settled: Mapping[str, str] | None = None  # headings to fields; None: as said for its table
    hidden_tabs: tuple[str, ...] = ()  # of the workbook it was in, hidden, and not read
