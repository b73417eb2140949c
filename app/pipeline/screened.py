"""What became of an upload's rows, told again from its raw files: findings, rows set aside, rows accepted."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl

from app.core.clients import Clients
from app.domain.cnpj import Cnpj
from app.domain.columns import LINE, RULE, TABLE
from app.domain.errors import Expired, ObjectMissing
from app.domain.findings import RULES, Severity
from app.domain.text import Language, Text
from app.domain.uploads import IncomingFile, Table
from app.pipeline.mappings import check_fields, check_headings, raw_file
from app.pipeline.retention import RAW_STAYS
from app.pipeline.uploads import Upload
from app.processing.cleaner.alone import HEADINGS
from app.processing.cleaner.preparing import Prepared, prepare
from app.processing.reader.recognition import Mappings, recognise
from app.processing.reader.sheets import ORIGINAL_LINE, Sheet

REASON: Final = "motivo"  # last column of rows set aside; no heading of ours, so it may stay when they are sent again
_FILE: Final = "file"
_LINE: Final = Text("linha", "line")


class Rehearsal(NamedTuple):
    """What an upload would find, with nothing stored."""

    recognised: list[dict[str, object]]
    report: dict[str, object]


def rehearse(
    files: Sequence[IncomingFile], *, cnpj: Cnpj | None, today: datetime, mappings: Mappings | None = None
) -> Rehearsal:
    """How the files would be understood, and what would be wrong with which line.

    Args:
        files: on local disk.
        cnpj: the company whose branches are welcome; None when it is not known.
        today: no sale is later than tomorrow.
        mappings: headings to fields that the customer settled, per table.

    Raises:
        BadInput: a file is empty, no table, of the wrong kind, or lacks a column; a mapping cannot be followed.
    """
    settled = mappings or {}
    check_fields(settled)
    with tempfile.TemporaryDirectory(prefix="quantyfy-rehearsal-") as folder:
        sheets = recognise(files, mappings=settled, workdir=Path(folder))
        check_headings(settled, sheets)
        prepared = prepare(sheets, today=today.date(), workdir=Path(folder), cnpj=cnpj)
        return Rehearsal([sheet.as_json() for sheet in sheets], prepared.report())


def findings(clients: Clients, upload: Upload, *, language: Language) -> pl.DataFrame:
    """Everything noticed: table, file, line, column, value, rule, severity, title, mend.

    Raises:
        Expired: the raw files are gone.
    """
    with _screened(clients, upload) as (prepared, _):
        found = prepared.findings
    words = pl.DataFrame(
        [(r.code, r.severity.value, r.title.to(language), r.mend.to(language)) for r in RULES.values()],
        schema={RULE: pl.String, "severity": pl.String, "title": pl.String, "mend": pl.String},
        orient="row",
    )
    return found.join(words, on=RULE, how="left", maintain_order="left")


def rejected(clients: Clients, upload: Upload, *, table: Table, language: Language) -> pl.DataFrame:
    """The rows of a table that were set aside, under the customer's own headings, with the reason in a last column.

    Of several files the columns that say the same are one, under the first file's heading, and each
    reason begins with the row's file and line.

    Raises:
        Expired: the raw files are gone.
    """
    with _screened(clients, upload) as (prepared, sheets):
        read = [sheet for sheet in sheets if sheet.table is table and sheet.repeats is None]
        shared = _shared_headings(read)
        reasons = [_reasons(prepared, sheet, language, placed=len(read) > 1) for sheet in read]
        parts = [_set_aside(prepared, *of_sheet, shared) for of_sheet in zip(read, reasons, strict=True)]
    nothing = pl.DataFrame(schema={REASON: pl.String})
    return pl.concat(parts or [nothing], how="diagonal_relaxed").select(pl.exclude(REASON), REASON)


def accepted(clients: Clients, upload: Upload) -> pl.DataFrame:
    """The clean lines of the upload, as `domain.columns` lists them.

    Raises:
        Expired: the raw files are gone.
    """
    with _screened(clients, upload) as (prepared, _):
        months = [prepared.lines(month) for month in prepared.months]
        return pl.concat(months) if months else pl.DataFrame()


@contextmanager
def _screened(clients: Clients, upload: Upload) -> Iterator[tuple[Prepared, list[Sheet]]]:
    with tempfile.TemporaryDirectory(prefix="quantyfy-screened-") as name:
        folder = Path(name)
        files = [_fetched(clients, file, folder) for file in upload.files]
        sheets = list(recognise(files, workdir=folder))
        yield prepare(sheets, today=upload.created_at.date(), workdir=folder, cnpj=Cnpj(upload.cnpj)), sheets


def _fetched(clients: Clients, file: dict[str, Any], folder: Path) -> IncomingFile:
    path = folder / Path(file["key"]).name
    try:
        clients.store.download(file["key"], path)
    except ObjectMissing as error:
        raise Expired(days=RAW_STAYS.days) from error
    return raw_file(file, path)


def _shared_headings(sheets: Sequence[Sheet]) -> dict[str, str]:
    """The first heading that each field has in some files."""
    columns = [column for sheet in sheets for column in sheet.columns]
    return {column.field: column.header for column in reversed(columns) if column.field}


def _headings(sheet: Sheet, shared: Mapping[str, str]) -> dict[str, str]:
    """The heading of each cell (`0`, `1`, ...) beside the other files'; no two are the same."""
    wanted = [shared.get(column.field or "", column.header) for column in sheet.columns]
    fields = {shared[column.field] for column in sheet.columns if column.field}
    taken: set[str] = set()
    headings = {}
    for place, (heading, column) in enumerate(zip(wanted, sheet.columns, strict=True)):
        names = (heading, *(f"{heading} ({number})" for number in range(2, len(wanted) + 2)))
        avoided = taken if column.field else taken | fields
        headings[str(place)] = next(name for name in names if name not in avoided)
        taken.add(headings[str(place)])
    return headings


def _set_aside(prepared: Prepared, sheet: Sheet, reasons: pl.DataFrame, shared: Mapping[str, str]) -> pl.DataFrame:
    headings = _headings(sheet, shared)
    known = {field: shared.get(field, heading) for field, heading in HEADINGS.items()}
    added = {field: heading for field, heading in known.items() if heading not in headings.values()}
    if sheet.table is Table.ITEMS:
        rows = prepared.items_to_mend(sheet, reasons[LINE])
    else:
        empty = pl.DataFrame(schema={LINE: pl.UInt32} | dict.fromkeys(headings, pl.String))
        mine = pl.col(LINE).is_in(reasons[LINE].implode())
        rows = pl.concat([empty, *(cells.filter(mine).select(LINE, *headings) for cells in sheet.cells())])
    told = rows.join(reasons, on=LINE, how="inner", maintain_order="left")
    shown = [*headings, *(field for field in added if field in told.columns), REASON]
    return told.select(shown).rename(headings | added, strict=False).drop(ORIGINAL_LINE, strict=False)


def _reasons(prepared: Prepared, sheet: Sheet, language: Language, *, placed: bool) -> pl.DataFrame:
    """By line: why it was set aside, each reason once; after its place, if it is to be `placed`."""
    titles = {code: rule.title.to(language) for code, rule in RULES.items() if rule.severity is Severity.REJECTED}
    mine = (pl.col(TABLE) == sheet.table.value) & (pl.col(_FILE) == sheet.name) & pl.col(RULE).is_in(list(titles))
    named = prepared.findings.filter(mine).with_columns(pl.col(RULE).replace_strict(titles).alias(REASON))
    reasons = named.group_by(LINE).agg(pl.col(REASON).unique(maintain_order=True).str.join("; "))
    if not placed:
        return reasons
    place = pl.lit(f"{sheet.name}, {_LINE.to(language)} ")
    return reasons.with_columns(pl.concat_str(place, LINE, pl.lit(": "), REASON).alias(REASON))
