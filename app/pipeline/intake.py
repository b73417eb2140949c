"""The first story: check a delivery, name it, store its files raw, and ask for the rest of the work."""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.queue import Job, JobName
from app.core.tables import UploadRow
from app.domain.cnpj import Cnpj
from app.domain.errors import BadInput, MissingTable, ObjectExists, Unavailable
from app.domain.states import State
from app.domain.uploads import IncomingFile, Table, UploadState
from app.pipeline.companies import Company, register_company, require_living
from app.pipeline.handing import hand_on
from app.pipeline.mappings import Settled, check_fields, check_headings, of_sheet, remember, remembered
from app.pipeline.publishing import current
from app.processing.reader.raw import write_raw
from app.processing.reader.recognition import recognise
from app.processing.reader.sheets import Limits, Sheet
from app.utils.logger import get_logger
from app.utils.metrics import UPLOADS


@dataclass(frozen=True)
class Delivery:
    """What a door hands over: whose it is, which company, and the files on local disk."""

    account: AccountId
    cnpj: Cnpj
    company_name: str
    files: Sequence[IncomingFile]
    max_bytes: int = Limits.max_bytes
    state: State | None = None
    mappings: Mapping[Table, Mapping[str, str]] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)  # of the upload it becomes, unless the same bytes were one already


def receive(clients: Clients, delivery: Delivery, *, now: datetime) -> UUID:
    """Take a delivery in: the raw files are in the lake and the work is queued when this returns the upload's id.

    The same bytes for the same company again are the same upload, unless it failed.

    Raises:
        BadInput: a file is empty, no table, of the wrong kind, too large, or lacks a column; nothing is stored.
        UnknownCompany: somebody erased the company while its files arrived; nothing is stored.
    """
    check_fields(delivery.mappings)
    content_hash = _content_hash(delivery)
    with clients.database.session(delivery.account) as session:
        before = remembered(session, delivery.cnpj)
    with tempfile.TemporaryDirectory(prefix="quantyfy-intake-") as folder:
        sheets = _recognised(delivery, before=before, folder=Path(folder))
        with clients.database.session(delivery.account) as session:
            company = _registered(session, delivery)
            earlier = _same_upload(session, company, content_hash)
            if earlier is not None:
                return earlier
            _require_items(session, company, sheets)
            remember(session, delivery.mappings, sheets, account=delivery.account, company=company.id)
        files = _store_all(clients, company, sheets, folder=Path(folder), now=now)
    for file, sheet in zip(files, sheets, strict=True):
        file["settled"] = of_sheet(sheet, delivery.mappings, earlier=before)
    report = {"recognised": [sheet.as_json() for sheet in sheets]}
    row = _row(delivery, company, content_hash=content_hash) | {"files": files, "report": report}
    upload = _enqueue(clients, delivery, company, row=row, now=now)
    get_logger().info("upload received", upload_id=str(upload), files=len(files))
    return upload


def _registered(session: Session, delivery: Delivery) -> Company:
    return register_company(
        session, account=delivery.account, cnpj=delivery.cnpj, name=delivery.company_name, state=delivery.state
    )


def _recognised(delivery: Delivery, *, before: Mapping[str, Settled], folder: Path) -> Sequence[Sheet]:
    limits = Limits(max_bytes=delivery.max_bytes)
    sheets = recognise(delivery.files, mappings=delivery.mappings, remembered=before, limits=limits, workdir=folder)
    check_headings(delivery.mappings, sheets)
    return sheets


def file_sha256(path: Path) -> bytes:
    """The 32 bytes that tell a file from another."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def refuse(clients: Clients, delivery: Delivery, error: BadInput) -> UUID:
    """Keep of a delivery that nobody waits for only that it failed, and why in the customer's words."""
    with clients.database.session(delivery.account) as session:
        company = _registered(session, delivery)
        row = _row(delivery, company, content_hash=_content_hash(delivery))
        failed = {"state": UploadState.FAILED, "error": error.in_both_languages()}
        session.execute(insert(UploadRow).values(row | failed).on_conflict_do_nothing())
    UPLOADS.labels(UploadState.FAILED).inc()
    return delivery.id


def _content_hash(delivery: Delivery) -> bytes:
    """One hash of the delivery: of its files' hashes, whatever their order and names, and of what was said of them."""
    said = json.dumps(delivery.mappings, sort_keys=True) if delivery.mappings else ""
    files = sorted(file_sha256(file.path) + (file.tab or "").encode() for file in delivery.files)
    return hashlib.sha256(b"".join(files) + said.encode()).digest()


def _same_upload(session: Session, company: Company, content_hash: bytes) -> UUID | None:
    return session.scalar(
        select(UploadRow.id).where(
            UploadRow.company_id == company.id,
            UploadRow.content_hash == content_hash,
            UploadRow.state.not_in([UploadState.FAILED, UploadState.CANCELLED]),
        )
    )


def _require_items(session: Session, company: Company, sheets: Sequence[Sheet]) -> None:
    """Only the items say what was sold; the other tables may follow alone once there are items."""
    if any(sheet.table is Table.ITEMS for sheet in sheets) or current(session, "itens", company=company.id):
        return
    raise MissingTable


def _store_all(
    clients: Clients, company: Company, sheets: Sequence[Sheet], *, folder: Path, now: datetime
) -> list[dict[str, Any]]:
    """Put each sheet's raw copy into the lake, under a key of its own: all of them, or none."""
    of_table: Counter[Table] = Counter()
    written: list[str] = []
    files = []
    with _or_removed(clients, written):
        for sheet in sheets:
            copy = folder / f"raw-{sheet.table}-{uuid4()}.csv"
            write_raw(sheet, copy)
            key = company.keys.raw(sheet.table, at=now, number=of_table[sheet.table])
            of_table[sheet.table] += 1
            _put(clients, key, copy, written)
            files.append(_facts(sheet, copy, key=key))
    return files


def _put(clients: Clients, key: str, copy: Path, written: list[str]) -> None:
    """Store a copy; its key is `written` even if the store fell silent: it may be there all the same."""
    written.append(key)
    try:
        clients.store.put(key, copy)
    except ObjectExists:  # it is another upload's
        written.remove(key)
        raise


@contextmanager
def _or_removed(clients: Clients, keys: Collection[str]) -> Iterator[None]:
    """If what follows fails these objects go again: nothing will ever point to them."""
    try:
        yield
    except BaseException:
        _remove(clients, keys)
        raise


def _remove(clients: Clients, keys: Collection[str]) -> None:
    """Remove objects that no upload names, if we can.

    A lake that does not answer, or in which this process may remove nothing (on AWS only the worker
    may), keeps them until `retention` has its turn.
    """
    with suppress(Unavailable):
        clients.store.delete(keys)


def _facts(sheet: Sheet, copy: Path, *, key: str) -> dict[str, Any]:
    facts = {
        "table": sheet.table,
        "name": sheet.name,
        "encoding": sheet.dialect.encoding,
        "sha256": file_sha256(copy).hex(),
        "bytes": copy.stat().st_size,
        "key": key,
    }
    return facts | ({"hidden_tabs": list(sheet.hidden_tabs)} if sheet.hidden_tabs else {})


def _row(delivery: Delivery, company: Company, *, content_hash: bytes) -> dict[str, Any]:
    return {
        "account_id": delivery.account,
        "id": delivery.id,
        "company_id": company.id,
        "state": UploadState.RECEIVED,
        "content_hash": content_hash,
        "files": [],
        "report": {},
        "timings": {},
    }


def _enqueue(clients: Clients, delivery: Delivery, company: Company, *, row: dict[str, Any], now: datetime) -> UUID:
    raw = [file["key"] for file in row["files"]]
    # What fails in here is never committed, so the raw files may go, as of a company that was erased
    # meanwhile. Whether a commit that fails took place is not known: then they must stay.
    with clients.database.session(delivery.account) as session, _or_removed(clients, raw):
        require_living(session, company)
        # Of two deliveries of the same bytes at the same moment, one wins and the other is answered with it.
        inserted = session.scalar(insert(UploadRow).values(row).on_conflict_do_nothing().returning(UploadRow.id))
        if inserted is None:
            _remove(clients, raw)
            return _same_upload(session, company, row["content_hash"]) or delivery.id
        job = Job(delivery.account, company.id, delivery.id)
        hand_on(clients, session, JobName.PREPARE, job, reads=raw, receipt=company.keys.raw_receipt(at=now))
    return delivery.id
