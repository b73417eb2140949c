"""From one story to the next: to the worker by the queue, or to a function of AWS by a receipt in the lake.

A receipt is an object that asks for a stage. AWS tells of it late, twice, out of order or in vain: each is harmless.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import company_of, is_receipt
from app.core.queue import Job, JobName
from app.core.tables import UploadRow
from app.domain.errors import AppError, BadInput, Unavailable
from app.domain.uploads import UploadState
from app.pipeline.companies import company_by_id, list_accounts
from app.pipeline.uploads import give_up
from app.utils.logger import get_logger

ReceiptLayer = Literal["raw", "processed"]  # where receipts lie

# Shorter than a function's 15 minutes, so that who waited in vain can say so and is sent again.
PATIENCE = timedelta(minutes=10)

IN_TIME = timedelta(hours=1)  # until then an object's own event and its retries are under way
_A_NIGHT = timedelta(hours=26)

# What a byte of a stage's objects weighs: a byte of Parquet holds about as many sales as ten of CSV.
_WEIGHT = {JobName.RECEIVE: 1, JobName.PREPARE: 1, JobName.FORECAST: 10}

_WAITS_IN: Mapping[ReceiptLayer, Sequence[UploadState]] = {
    "raw": [UploadState.RECEIVED, UploadState.PREPARING],
    "processed": [UploadState.PREPARED, UploadState.FORECASTING],
}

_STAGE_OF: Mapping[str, JobName] = {
    state: stage
    for states, stage in ((_WAITS_IN["raw"], JobName.PREPARE), (_WAITS_IN["processed"], JobName.FORECAST))
    for state in states
}


def hand_on(clients: Clients, session: Session, name: JobName, job: Job, *, reads: Iterable[str], receipt: str) -> None:
    """Ask for a stage in the transaction that gives its reason.

    What is too large for a function goes to the worker, by what the stage must read (`reads`, keys of the lake). The
    object `receipt` is there just before the transaction commits: a function that comes sooner finds no upload and is
    sent again, and no commit goes without its receipt.
    """
    size = sum(clients.store.head(key).size for key in reads) if clients.functions_up_to else 0
    if not fits_a_function(clients, name, size):
        clients.queue.enqueue(session, name, job)
        return
    clients.store.put(receipt, json.dumps({part: str(value) for part, value in job._asdict().items()}).encode())


def fits_a_function(clients: Clients, name: JobName, size: int) -> bool:
    """Whether a stage that must read so many bytes of the lake is a function's work, and not the worker's.

    Without functions nothing is, not even what is empty.
    """
    return bool(clients.functions_up_to) and _WEIGHT[name] * size <= clients.functions_up_to


def follow(
    clients: Clients, key: str, *, story: Callable[..., None], now: datetime, patience: timedelta = PATIENCE
) -> UUID | None:
    """Do what the receipt at `key` asks for, in the company's turn; the upload, or None if the receipt is gone.

    The customer is told what no repetition mends; what is the customer's to mend is then done with.

    Raises:
        ValueError: the key is outside the layout, or the receipt is none, or another company's.
    """
    job = _asked(clients, key)
    if job is None:
        return None
    with clients.database.turn(job.company, patience=patience), _ending_in_words(clients, job):
        story(clients, job, now=now)
    return job.upload


def follow_missed(clients: Clients, layer: ReceiptLayer, *, story: Callable[..., None], now: datetime) -> int:
    """Follow every receipt of the last day whose upload still waits, for its event may be lost; how many there are.

    The database says which companies have such an upload, and only their receipts are looked at.

    Raises:
        ExceptionGroup: some could not be followed, named with their reasons; the others were.
    """
    errors: list[Exception] = []
    receipts = [key for account in list_accounts(clients) for key in _missed(clients, layer, account.id, now=now)]
    for key in receipts:
        try:
            follow(clients, key, story=story, now=now)
        except Exception as error:  # noqa: BLE001  the others' turn comes first; none is swallowed
            error.add_note(key)
            errors.append(error)
    if errors:
        said = "; ".join(f"{error.__notes__[-1]}: {type(error).__name__}: {error}" for error in errors)
        raise ExceptionGroup(f"{len(errors)} of {len(receipts)} receipts in {layer}: {said}", errors)
    return len(receipts)


def take_over(clients: Clients, *, now: datetime) -> int:
    """Give the worker every upload that functions left undone for an hour, by dying at it or for want of an event.

    The worker has more time and memory, and what it cannot do either it ends in words: no upload stays open for ever.
    Stages take turns, so a function that comes late after all finds the work done. Returns how many there were.
    """
    return sum(_taken_over(clients, account.id, now=now) for account in list_accounts(clients))


def _taken_over(clients: Clients, account: AccountId, *, now: datetime) -> int:
    with clients.database.session(account) as session:
        waiting = select(UploadRow.state, UploadRow.company_id, UploadRow.id).where(
            UploadRow.state.in_(_STAGE_OF), UploadRow.updated_at < now - IN_TIME
        )
        asked = {Job(account, company, upload): _STAGE_OF[state] for state, company, upload in session.execute(waiting)}
        forsaken = [job for job in asked if not clients.queue.has(session, job)]
        for job in forsaken:
            clients.queue.enqueue(session, asked[job], job)
            get_logger().warning("upload taken over", upload_id=str(job.upload), job=asked[job].value)
        return len(forsaken)


def _missed(clients: Clients, layer: ReceiptLayer, account: AccountId, *, now: datetime) -> list[str]:
    with clients.database.session(account) as session:
        waiting = select(UploadRow.company_id).where(
            UploadRow.state.in_(_WAITS_IN[layer]), UploadRow.updated_at < now - IN_TIME
        )
        companies = [company_by_id(session, company) for company in session.scalars(waiting.distinct())]
    return [
        stored.key
        for company in companies
        for stored in clients.store.list(company.keys.folder(layer))
        if is_receipt(stored.key) and _A_NIGHT > now - stored.modified > IN_TIME
    ]


def _asked(clients: Clients, key: str) -> Job | None:
    owner = company_of(key)
    # Asked by its name in a listing: S3 does not tell who may list one prefix only that an object is not there.
    if all(stored.key != key for stored in clients.store.list(key.rpartition("/")[0])):
        return None  # removed by the company's erasure or by retention: nobody waits for it
    job = _job(clients.store.get(key))
    with clients.database.session(job.account) as session:
        if company_by_id(session, job.company).keys != owner:
            raise ValueError(f"the receipt is of another company than its key: {key!r}")
    return job


def _job(content: bytes) -> Job:
    try:
        account, company, upload = (UUID(json.loads(content)[part]) for part in Job._fields)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"not a receipt: {content[:200]!r}") from error
    return Job(AccountId(account), company, upload)


@contextmanager
def _ending_in_words(clients: Clients, job: Job) -> Iterator[None]:
    try:
        yield
    except Unavailable:
        raise
    except AppError as error:
        give_up(clients, job, error)
        if not isinstance(error, BadInput):
            raise
