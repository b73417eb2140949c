"""The second story: the raw files become clean sales months, and the report of what was wrong with which line."""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from app.core.clients import Clients
from app.core.queue import Job, JobName
from app.core.tables import UploadRow
from app.domain.cnpj import Cnpj
from app.domain.errors import NothingToForecast
from app.domain.findings import Severity
from app.domain.uploads import IncomingFile, UploadState
from app.pipeline.companies import Company, company_by_id
from app.pipeline.frames import read_frame, scan_frame, write_frame
from app.pipeline.handing import hand_on
from app.pipeline.mappings import by_table, raw_file
from app.pipeline.products import merged_products, seen_in
from app.pipeline.publishing import ALL_MONTHS, Publication, current, publish
from app.pipeline.uploads import begin, timed, upload_row
from app.processing.cleaner.merging import NO_LINES, Merged, merge
from app.processing.cleaner.preparing import MONTHS_AT_ONCE, Prepared, prepare
from app.processing.cleaner.redated import redated, sales_of, without
from app.processing.feature_engineering import daily_demand
from app.processing.reader.recognition import recognise
from app.utils.metrics import ROWS

ITEMS, FEATURES, PRODUCTS = "itens", "features", "produtos"


class _Month(NamedTuple):
    """One sales month after its merge; a month in which nothing changed has no new objects."""

    publications: list[Publication]
    products: pl.DataFrame
    added: int
    changed: int
    already_there: int
    moved: int  # lines that left it, for the upload dates their sale in another month


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
            written = _write_months(clients, company, prepared, earlier=months, now=now)
            sources = [prepared.products, *(month.products for month in reversed(written))]
            products = _write_products(clients, company, sources, earlier=catalogue.get(ALL_MONTHS), now=now)
        report = prepared.report() | {"lines": _line_counts(written)}
    _finish(
        clients,
        job,
        publications=[p for month in written for p in month.publications] + products,
        report=report,
        timings=timings,
        receipt=company.keys.processed_receipt(at=now),
    )
    _count(report)


def _clean(clients: Clients, row: UploadRow, *, cnpj: Cnpj, folder: Path, now: datetime) -> Prepared:
    files = [_fetch(clients, file, folder=folder) for file in row.files]
    sheets = recognise(files, mappings=by_table(row.files), workdir=folder)
    return prepare(sheets, today=now.date(), workdir=folder, cnpj=cnpj)


def _fetch(clients: Clients, file: dict[str, Any], *, folder: Path) -> IncomingFile:
    path = folder / Path(file["key"]).name
    clients.store.download(file["key"], path)
    return raw_file(file, path)


def _write_months(
    clients: Clients, company: Company, prepared: Prepared, *, earlier: Mapping[str, str], now: datetime
) -> list[_Month]:
    arrived = {f"{year:04}-{month:02}": (year, month) for year, month in prepared.months}
    moved = _moved(clients, prepared, arrived, earlier=earlier)

    def write(month: str) -> _Month:
        before = read_frame(clients.store, earlier[month]) if month in earlier else NO_LINES
        stayed = without(before, moved.get(month))
        merged = merge(stayed, prepared.lines(arrived[month]) if month in arrived else NO_LINES)
        return _write_month(clients, company, month, merged, moved=before.height - stayed.height, now=now)

    with ThreadPoolExecutor(MONTHS_AT_ONCE) as pool:
        return list(pool.map(write, sorted({*arrived, *moved})))


def _moved(
    clients: Clients, prepared: Prepared, arrived: Mapping[str, tuple[int, int]], *, earlier: Mapping[str, str]
) -> dict[str, pl.DataFrame]:
    """The sales that leave each published month."""
    if not earlier:
        return {}
    sales = {month: sales_of(prepared.lines(key)) for month, key in arrived.items()}
    return redated({month: scan_frame(clients.store, key) for month, key in earlier.items()}, sales)


def _write_month(
    clients: Clients, company: Company, month: str, merged: Merged, *, moved: int, now: datetime
) -> _Month:
    is_new = merged.added or merged.changed or moved
    frames = {ITEMS: merged.lines, FEATURES: daily_demand(merged.lines)} if is_new else {}
    written = [
        _write(clients, frame, Publication(kind, month, company.keys.processed(kind, month, at=now)))
        for kind, frame in frames.items()
    ]
    return _Month(written, seen_in(merged.lines), merged.added, merged.changed, merged.already_there, moved)


def _write_products(
    clients: Clients, company: Company, sources: Sequence[pl.DataFrame | None], *, earlier: str | None, now: datetime
) -> list[Publication]:
    known = read_frame(clients.store, earlier) if earlier else None
    arrived, *seen = sources
    merged = merged_products([arrived, known, *seen])
    if known is not None and merged.equals(known):
        return []
    return [_write(clients, merged, Publication(PRODUCTS, ALL_MONTHS, company.keys.catalogue(at=now)))]


def _write(clients: Clients, frame: pl.DataFrame, publication: Publication) -> Publication:
    write_frame(clients.store, publication.key, frame)
    return publication


def _line_counts(months: Sequence[_Month]) -> dict[str, int]:
    return {
        "added": sum(month.added for month in months),
        "changed": sum(month.changed for month in months),
        "already_there": sum(month.already_there for month in months),
        "moved": sum(month.moved for month in months),
    }


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
