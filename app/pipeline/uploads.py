"""The state of an upload: read by doors, moved on by the stories."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.queue import Job
from app.core.tables import CompanyRow, RunRow, UploadRow
from app.domain.access import Action
from app.domain.errors import AppError, TooLateToCancel, UnknownUpload, UploadCancelled
from app.domain.uploads import UploadState
from app.pipeline.audit import Deed, note
from app.pipeline.webhooks import tell
from app.utils.metrics import STAGES, UPLOADS

# A failed upload may be begun again: by hand, or by a retry that a crash interrupted.
_ORDER = (
    UploadState.FAILED,
    UploadState.RECEIVED,
    UploadState.PREPARING,
    UploadState.PREPARED,
    UploadState.FORECASTING,
    UploadState.PUBLISHED,
)


class Upload(NamedTuple):
    """An upload as a reader sees it."""

    id: UUID
    cnpj: str
    state: UploadState
    stage: str | None
    progress: int
    created_at: datetime
    updated_at: datetime
    files: list[dict[str, Any]]
    report: dict[str, Any]
    timings: dict[str, Any]
    error: dict[str, Any] | None


def find_upload(clients: Clients, account: AccountId, upload: UUID) -> Upload:
    """One upload of the account, with how far its work has come.

    Raises:
        UnknownUpload: the account has none with this id.
    """
    with clients.database.session(account) as session:
        row = session.scalar(select(UploadRow).where(UploadRow.id == upload))
        if row is None:
            raise UnknownUpload(upload_id=upload)
        cnpj = session.scalars(select(CompanyRow.cnpj).where(CompanyRow.id == row.company_id)).one()
        run = session.scalar(select(RunRow).where(RunRow.upload_id == upload))
        return _upload(row, cnpj=cnpj, run=run)


def upload_row(session: Session, job: Job) -> UploadRow:
    """The row a job is about, locked until the session ends.

    Raises:
        UploadCancelled: meanwhile the customer has cancelled it, or erased the company.
    """
    row = session.scalar(select(UploadRow).where(UploadRow.id == job.upload).with_for_update())
    if row is None or row.state == UploadState.CANCELLED:
        raise UploadCancelled
    return row


def begin(clients: Clients, job: Job, state: UploadState) -> UploadRow | None:
    """Say that a story has begun; None when the upload has come past it already, and there is nothing to do."""
    with clients.database.session(job.account) as session:
        row = upload_row(session, job)
        if _ORDER.index(UploadState(row.state)) > _ORDER.index(state):
            return None
        row.state = state
        return row


def give_up(clients: Clients, job: Job, error: BaseException | None) -> None:
    """Say that a job will not be tried again, and why, in the customer's words. What was published stays published."""
    known = error if isinstance(error, AppError) else AppError()
    with clients.database.session(job.account) as session:
        row = session.get(UploadRow, (job.account, job.upload), with_for_update=True)
        if row is None or row.state == UploadState.CANCELLED:  # nobody waits for it
            return
        row.state = UploadState.FAILED
        row.error = known.in_both_languages()
        tell(clients, session, job, UploadState.FAILED, now=datetime.now(UTC))
    UPLOADS.labels(UploadState.FAILED).inc()


def cancel_upload(clients: Clients, account: AccountId, upload: UUID, *, actor: str) -> Upload:
    """Publish nothing of an upload; cancelling it again changes nothing.

    Raises:
        UnknownUpload: the account has none with this id.
        TooLateToCancel: it is published, or has failed.
    """
    with clients.database.session(account) as session:
        row = session.get(UploadRow, (account, upload), with_for_update=True)
        if row is None:
            raise UnknownUpload(upload_id=upload)
        if row.state in {UploadState.PUBLISHED, UploadState.FAILED}:
            raise TooLateToCancel(state=row.state)
        if row.state != UploadState.CANCELLED:
            row.state = UploadState.CANCELLED
            note(session, account, Deed(Action.UPLOAD_CANCELLED, str(upload), actor))
    return find_upload(clients, account, upload)


def list_uploads(
    clients: Clients,
    account: AccountId,
    *,
    limit: int,
    state: UploadState | None = None,
    before: tuple[datetime, UUID] | None = None,
    of: Collection[str] | None = None,
) -> list[Upload]:
    """The newest uploads of the account, or of the companies whose CNPJ is `of`; or those older than `before`."""
    with clients.database.session(account) as session:
        wanted = select(UploadRow, CompanyRow.cnpj, RunRow).join(CompanyRow, CompanyRow.id == UploadRow.company_id)
        wanted = wanted.outerjoin(RunRow, RunRow.upload_id == UploadRow.id).where(CompanyRow.erased_at.is_(None))
        if of is not None:
            wanted = wanted.where(CompanyRow.cnpj.in_(of))
        if state is not None:
            wanted = wanted.where(UploadRow.state == state)
        if before is not None:
            wanted = wanted.where(tuple_(UploadRow.created_at, UploadRow.id) < before)
        newest = wanted.order_by(UploadRow.created_at.desc(), UploadRow.id.desc()).limit(limit)
        return [_upload(row, cnpj=company, run=run) for row, company, run in session.execute(newest)]


@contextmanager
def timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    """Note how many seconds a stage took, in the story's own record and in the service's metrics."""
    start = perf_counter()
    yield
    timings[stage] = round(perf_counter() - start, 3)
    STAGES.labels(stage).observe(timings[stage])


def _upload(row: UploadRow, *, cnpj: str, run: RunRow | None) -> Upload:
    return Upload(
        id=row.id,
        cnpj=cnpj,
        state=UploadState(row.state),
        stage=run.stage if run else None,
        progress=run.progress if run else 0,
        created_at=row.created_at,
        updated_at=row.updated_at,
        files=row.files,
        report=row.report,
        timings=row.timings | (run.timings if run else {}),
        error=row.error,
    )
