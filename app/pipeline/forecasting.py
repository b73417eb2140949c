"""The third story: train on everything the company has sold, predict, and publish the run in one move."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import polars as pl
import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.clients import Clients
from app.core.queue import Job
from app.core.tables import RunRow
from app.domain.columns import COVERAGE, HORIZON_DAYS, ID, LEVEL, MODEL, WAPE
from app.domain.forecasts import OURS
from app.domain.uploads import UploadState
from app.ml.demand import Demand
from app.ml.predictor import Forecasts, predict
from app.ml.trainer import train
from app.pipeline.companies import Company, company_by_id
from app.pipeline.demand import assemble_demand
from app.pipeline.frames import read_frame, read_frames, write_frame
from app.pipeline.held_out import FORECAST, held_out_facts, held_out_report
from app.pipeline.merging import FEATURES, PRODUCTS
from app.pipeline.publishing import ALL_MONTHS, Publication, current, publish
from app.pipeline.uploads import begin, timed, upload_row
from app.pipeline.webhooks import tell
from app.utils import metrics
from app.utils.logger import get_logger

FRAMES = ("forecast", "totals", "accuracy", "series", "parts")


def forecast_company(clients: Clients, job: Job, *, now: datetime) -> None:
    """Forecast the company of an upload and publish the run. Until it is whole, readers see the run before it."""
    if begin(clients, job, UploadState.FORECASTING) is None:
        return
    run = uuid5(job.upload, "forecast")  # the same upload tried again goes on with the same run
    with structlog.contextvars.bound_contextvars(run_id=str(run)):
        _forecast(clients, job, run=run, now=now)


def _forecast(clients: Clients, job: Job, *, run: UUID, now: datetime) -> None:
    company = _begin_run(clients, job, run=run)
    timings: dict[str, float] = {}
    with timed(timings, "load"):
        demand = _demand(clients, job, company)
    with timed(timings, "train"):
        trained = train(demand, progress=lambda stage, share: _say(clients, job, run=run, stage=stage, share=share))
    with timed(timings, "predict"):
        forecasts = predict(trained)
    with timed(timings, "write"):
        publications = _write(clients, company, forecasts, demand=demand, now=now)
    _finish(clients, job, run=run, publications=publications, timings=timings, facts=_facts(demand, forecasts))
    _count(forecasts)
    get_logger().info(
        "forecast published", series=forecasts.series.height, held_out=forecasts.held_out.height, **timings
    )


def _begin_run(clients: Clients, job: Job, *, run: UUID) -> Company:
    row = {"account_id": job.account, "id": run, "company_id": job.company, "upload_id": job.upload}
    with clients.database.session(job.account) as session:
        started = insert(RunRow).values(row | {"stage": "load", "timings": {}, "metrics": {}})
        session.execute(started.on_conflict_do_nothing())
        return company_by_id(session, job.company)


def _demand(clients: Clients, job: Job, company: Company) -> Demand:
    with clients.database.session(job.account) as session:
        months = current(session, FEATURES, company=company.id)
        catalogue = current(session, PRODUCTS, company=company.id)
    products = read_frame(clients.store, catalogue[ALL_MONTHS]) if catalogue else None
    return assemble_demand(
        read_frames(clients.store, months.values()), products, company=company.cnpj, state=company.state
    )


def _say(clients: Clients, job: Job, *, run: UUID, stage: str, share: float) -> None:
    with clients.database.session(job.account) as session:
        row = session.scalars(select(RunRow).where(RunRow.id == run)).one()
        row.stage, row.progress = stage, round(100 * share)


def _write(
    clients: Clients, company: Company, forecasts: Forecasts, *, demand: Demand, now: datetime
) -> Sequence[Publication]:
    publications = []
    for kind in FRAMES:
        key = company.keys.prediction(kind, last_day=demand.last, at=now)
        write_frame(clients.store, key, _in_order(getattr(forecasts, kind)))
        publications.append(Publication(kind=kind, month=ALL_MONTHS, key=key))
    return publications


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of one series together: then the row groups' own statistics lead a reader past the others."""
    return frame.sort([name for name in (LEVEL, ID) if name in frame.columns], maintain_order=True)


def _finish(
    clients: Clients,
    job: Job,
    *,
    run: UUID,
    publications: Sequence[Publication],
    timings: dict[str, float],
    facts: dict[str, Any],
) -> None:
    with clients.database.session(job.account) as session:
        publish(session, publications, account=job.account, company=job.company, run=run)
        row = session.scalars(select(RunRow).where(RunRow.id == run)).one()
        row.stage, row.progress, row.timings, row.metrics = "published", 100, timings, facts
        row.finished_at = datetime.now(UTC)
        upload = upload_row(session, job)
        upload.state, upload.report = (
            UploadState.PUBLISHED,
            upload.report | {FORECAST: held_out_report(facts["held_out"])},
        )
        tell(clients, session, job, UploadState.PUBLISHED, now=datetime.now(UTC))


def _facts(demand: Demand, forecasts: Forecasts) -> dict[str, Any]:
    """What the run saw and how good its backtest was, for whoever asks later."""
    return {
        "first_day": demand.first.isoformat(),
        "last_day": demand.last.isoformat(),
        "state": demand.state,
        "snapshot": forecasts.snapshot,
        "versions": forecasts.versions,
        "series": dict(forecasts.series.group_by(LEVEL).len().sort(LEVEL).iter_rows()),
        "accuracy": forecasts.accuracy.to_dicts(),
        "held_out": held_out_facts(forecasts.held_out),
    }


def _count(forecasts: Forecasts) -> None:
    for level, count in forecasts.series.group_by(LEVEL).len().iter_rows():
        metrics.SERIES.labels(level).inc(count)
    for row in forecasts.accuracy.iter_rows(named=True):
        if row[WAPE] is not None:
            metrics.WAPE.labels(row[MODEL], row[LEVEL], row[HORIZON_DAYS]).set(row[WAPE])
        if row[MODEL] == OURS and row[COVERAGE] is not None:
            metrics.COVERAGE.labels(row[LEVEL], row[HORIZON_DAYS]).set(row[COVERAGE])
    metrics.UPLOADS.labels(UploadState.PUBLISHED).inc()
