"""The second story: the raw files become clean sales months, and the report of what was wrong with which line."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from app.core.clients import Clients
from app.core.lake import CompanyKeys
from app.core.queue import Job, JobName
from app.core.s3 import Store
from app.core.tables import UploadRow
from app.domain.cnpj import Cnpj
from app.domain.errors import NothingToForecast
from app.domain.findings import Severity
from app.domain.uploads import IncomingFile, UploadState
from app.pipeline.companies import company_by_id
from app.pipeline.frames import read_frame, scan_frame, write_frame
from app.pipeline.handing import hand_on
from app.pipeline.mappings import raw_file
from app.pipeline.merging import FEATURES, ITEMS, PRODUCTS, write_changes
from app.pipeline.publishing import ALL_MONTHS, Publication, current, publish
from app.pipeline.uploads import begin, timed, upload_row
from app.processing.cleaner.preparing import Prepared, prepare
from app.processing.reader.recognition import recognise
from app.utils.metrics import ROWS


@dataclass(frozen=True)
class LakeShelf:
    """The objects of one company in the lake; what is written carries the moment of the job."""

    store: Store
    keys: CompanyKeys
    now: datetime

    def read(self, key: str) -> pl.DataFrame:
        """A frame."""
        return read_frame(self.store, key)

    def scan(self, key: str) -> pl.LazyFrame:
        """A frame of which only what is asked for is read."""
        return scan_frame(self.store, key)

    def write(self, frame: pl.DataFrame, *, kind: str, month: str) -> Publication:
        """A new object, to which nothing points yet."""
        of_all = month == ALL_MONTHS
        key = self.keys.catalogue(at=self.now) if of_all else self.keys.processed(kind, month, at=self.now)
        write_frame(self.store, key, frame)
        return Publication(kind, month, key)


def prepare_upload(clients: Clients, job: Job, *, now: datetime) -> None:
    """Clean an upload, publish the months it touches, and ask for the forecast. Repeating it changes nothing.

    Raises:
        NothingToForecast: no line was accepted, now or before.
    """
    row = begin(clients, job, UploadState.PREPARING)
    if row is None:
        return
    with clients.database.session(job.account) as session:
        company = company_by_id(session, job.company)
        months = current(session, ITEMS, company=company.id)
        catalogue = current(session, PRODUCTS, company=company.id)
    timings: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="quantyfy-prepare-") as folder:
        with timed(timings, "clean"):
            prepared = _clean(clients, row, cnpj=company.cnpj, folder=Path(folder), now=now)
        if not (prepared.months or months):
            raise NothingToForecast
        with timed(timings, "merge"):
            shelf = LakeShelf(clients.store, company.keys, now)
            changes = write_changes(shelf, prepared, months=months, catalogue=catalogue.get(ALL_MONTHS))
        report = prepared.report() | {"lines": changes.lines._asdict()}
    _finish(
        clients,
        job,
        publications=changes.publications,
        report=report,
        timings=timings,
        receipt=company.keys.processed_receipt(at=now),
    )
    _count(report)


def _clean(clients: Clients, row: UploadRow, *, cnpj: Cnpj, folder: Path, now: datetime) -> Prepared:
    files = [_fetch(clients, file, folder=folder) for file in row.files]
    sheets = recognise(files, workdir=folder)
    return prepare(sheets, today=now.date(), workdir=folder, cnpj=cnpj)


def _fetch(clients: Clients, file: dict[str, Any], *, folder: Path) -> IncomingFile:
    path = folder / Path(file["key"]).name
    clients.store.download(file["key"], path)
    return raw_file(file, path)


def _finish(
    clients: Clients,
    job: Job,
    *,
    publications: Sequence[Publication],
    report: dict[str, Any],
    timings: dict[str, float],
    receipt: str,
) -> None:
    with clients.database.session(job.account) as session:
        publish(session, publications, account=job.account, company=job.company)
        row = upload_row(session, job)
        row.state = UploadState.PREPARED
        row.report = row.report | report
        row.timings = timings
        features = current(session, FEATURES, company=job.company).values()
        hand_on(clients, session, JobName.FORECAST, job, reads=features, receipt=receipt)


def _count(report: dict[str, Any]) -> None:
    for table in report["tables"]:
        for outcome in ("accepted", Severity.REJECTED, Severity.SKIPPED):
            ROWS.labels(outcome).inc(table["rows"][outcome])
