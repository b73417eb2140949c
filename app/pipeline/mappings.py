"""Which column is which, where the customer said so: checked, kept for files with the same headings, and used again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.database import AccountId
from app.core.tables import ColumnMappingRow, CompanyRow
from app.domain.cnpj import Cnpj
from app.domain.contract import CONTRACT
from app.domain.errors import UnknownField, UnknownHeading
from app.domain.uploads import IncomingFile, Table
from app.processing.columns.headings import normalised
from app.processing.reader.recognition import Mappings
from app.processing.reader.sheets import Sheet

Settled = Mapping[str, str]
"""Headings to fields; an empty field leaves a column unused."""


def check_fields(mappings: Mappings) -> None:
    """A mapping names fields of the contract.

    Raises:
        UnknownField: it names another, with those there are.
    """
    for table, settled in mappings.items():
        known = [field.name for field in CONTRACT[table]]
        for name in settled.values():
            if name and name not in known:
                raise UnknownField(field=name, table=table, known=", ".join(known))


def check_headings(mappings: Mappings, sheets: Sequence[Sheet]) -> None:
    """A mapping names columns that a file of its table has.

    Raises:
        UnknownHeading: it names another: nothing the customer says is passed over in silence.
    """
    for table, settled in mappings.items():
        there = {normalised(c.header) for sheet in sheets if sheet.table is table for c in sheet.columns}
        for heading in settled:
            if normalised(heading) not in there:
                raise UnknownHeading(heading=heading, table=table)


def remembered(session: Session, cnpj: Cnpj) -> dict[str, Settled]:
    """What the company settled before, by the hash of a file's headings."""
    rows = session.execute(
        select(ColumnMappingRow.header_hash, ColumnMappingRow.settled)
        .join(CompanyRow, CompanyRow.id == ColumnMappingRow.company_id)
        .where(CompanyRow.cnpj == cnpj.text)
    )
    return {header_hash: settled for header_hash, settled in rows}  # noqa: C416  a Row is not a pair to mypy


def remember(
    session: Session, mappings: Mappings, sheets: Sequence[Sheet], *, account: AccountId, company: UUID
) -> None:
    """Keep what the customer settled now for every later file with the same headings."""
    for sheet in sheets:
        if settled := of_sheet(sheet, mappings, earlier={}):
            row = {"account_id": account, "company_id": company, "header_hash": sheet.header_hash, "settled": settled}
            fresh = insert(ColumnMappingRow).values(row)
            session.execute(
                fresh.on_conflict_do_update(
                    index_elements=ColumnMappingRow.__mapper__.primary_key, set_={"settled": fresh.excluded.settled}
                )
            )


def of_sheet(sheet: Sheet, mappings: Mappings, *, earlier: Mapping[str, Settled]) -> Settled:
    """What holds for one file: what was settled before for its headings, and over that what is said now."""
    return {**earlier.get(sheet.header_hash, {}), **mappings.get(sheet.table, {})}


def raw_file(file: Mapping[str, object], path: Path) -> IncomingFile:
    """The raw copy of one of an upload's files, fetched to `path`, to be read as it was when it was taken in."""
    encoding, settled, hidden = (file.get(fact) for fact in ("encoding", "settled", "hidden_tabs"))
    return IncomingFile(
        name=str(file["name"]),
        path=path,
        table=Table(str(file["table"])),
        encoding=str(encoding) if encoding else None,
        settled=dict(settled) if isinstance(settled, Mapping) else {},
        hidden_tabs=tuple(map(str, hidden)) if isinstance(hidden, list) else (),
    )
