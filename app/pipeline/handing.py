"""From one story to the next: to the worker by the queue, or to a function of AWS by a receipt in the lake."""

import json
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.queue import Job, JobName

# What a byte of a stage's objects weighs: a byte of Parquet holds about as many sales as ten of CSV.
_WEIGHT = {JobName.PREPARE: 1, JobName.FORECAST: 10}


def hand_on(
    clients: Clients,
    session: Session,
    name: JobName,
    job: Job,
    *,
    reads: Iterable[str],
    receipt: str,
) -> None:
    """Ask for a stage in the transaction that gives its reason.

    What is too large for a function goes to the worker, by what the stage must read (`reads`, keys of the lake). The
    object `receipt` is there just before the transaction commits: a function that comes sooner finds no upload and is
    sent again, and no commit goes without its receipt.
    """
    if not _fits_a_function(clients, name, reads):
        clients.queue.enqueue(session, name, job)
        return
    clients.store.put(receipt, json.dumps({part: str(value) for part, value in job._asdict().items()}).encode())


def job_of_receipt(content: bytes) -> Job:
    """What a receipt asks for.

    Raises:
        ValueError: it is none.
    """
    try:
        account, company, upload = (UUID(json.loads(content)[part]) for part in Job._fields)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"not a receipt: {content[:200]!r}") from error
    return Job(AccountId(account), company, upload)


def _fits_a_function(clients: Clients, name: JobName, reads: Iterable[str]) -> bool:
    if not clients.functions_up_to:
        return False
    return _WEIGHT[name] * sum(clients.store.head(key).size for key in reads) <= clients.functions_up_to
