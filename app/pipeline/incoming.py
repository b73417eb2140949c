"""Deliveries straight to the bucket: files and a manifest, in any order, received once all of them are there."""

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys, incoming_of
from app.core.queue import Job, JobName
from app.domain.cnpj import Cnpj
from app.domain.errors import BadInput, ObjectMissing, UploadTooLarge
from app.domain.states import State
from app.domain.uploads import LONGEST_TAB, PRINTABLE, IncomingFile, Table
from app.pipeline.companies import list_accounts, require_account
from app.pipeline.handing import IN_TIME, PATIENCE, fits_a_function
from app.pipeline.intake import Delivery, receive, refuse
from app.processing.reader.sheets import Limits
from app.utils.logger import get_logger

_MANIFEST_UP_TO: Final = 1_000_000  # bytes: it is read into memory
_PACKING: Final = (".zip", ".xlsx")
_PACKED: Final = 10  # a spreadsheet's lines are so many times what they weigh packed


class ManifestFile(BaseModel):
    """A file of a delivery: by what plain name it lies beside the manifest, and what the customer says of it."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    name: str = Field(min_length=1, max_length=255)
    table: Table | None = None
    tab: str | None = Field(default=None, min_length=1, max_length=LONGEST_TAB, pattern=PRINTABLE)


class Manifest(BaseModel):
    """`incoming/{account}/{upload_id}/envio.json`: whose the files beside it are."""

    model_config = ConfigDict(extra="forbid")

    cnpj: str
    company_name: str = Field(min_length=1, max_length=255)
    state: State | None = None
    files: list[ManifestFile] = Field(min_length=1, max_length=20)


class _Arrived(NamedTuple):
    """A delivery of which everything is there: what its manifest says, and how many bytes each of its files has."""

    manifest: Manifest
    sizes: list[int]


def take_in(clients: Clients, key: str, *, now: datetime, patience: timedelta = PATIENCE) -> UUID | None:
    """Have the delivery an object of `incoming/` belongs to received, once all of it is there.

    Whichever of its objects comes last completes it. What is too large for a function, by the sizes that the lake
    tells and before a byte of its files is read, becomes the worker's job.

    Returns:
        Its upload; None till all of it is there, and for what is the worker's.

    Raises:
        ValueError: the key is outside the layout, the account is unknown, or the manifest cannot be read.
    """
    keys = incoming_of(key)
    account = AccountId(keys.account)
    with clients.database.session(account) as session:
        require_account(session, account)
    arrived = _arrived(clients, keys)
    if arrived is None:
        return None
    job = job_of(keys)
    if not fits_a_function(clients, JobName.RECEIVE, _unpacked(arrived)):
        _hand_to_the_worker(clients, job)
        return None
    with clients.database.turn(job.company, patience=patience):
        return receive_delivered(clients, job, now=now)


def job_of(keys: IncomingKeys) -> Job:
    """The job that receives a delivery. Its company may not be known yet: deliveries take turns each by itself."""
    return Job(AccountId(keys.account), keys.upload, keys.upload)


def receive_delivered(clients: Clients, job: Job, *, now: datetime) -> UUID | None:
    """Receive a delivery, in its turn; its upload, or None when something is missing or it was received already.

    What is received, or refused, leaves `incoming/` at once.

    Raises:
        ValueError: the manifest cannot be read.
    """
    keys = IncomingKeys(job.account, job.upload)
    arrived = _arrived(clients, keys)
    if arrived is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        upload = _received(clients, keys, arrived, folder=Path(folder), now=now)
    clients.store.delete(stored.key for stored in list(clients.store.list(keys.folder)))
    return upload


def take_over_delivered(clients: Clients, *, now: datetime) -> int:
    """Give the worker, once, every delivery whose manifest has lain in `incoming/` for an hour; how many there were.

    Functions died at it, or never heard of it. One that still lacks a file the worker leaves as it is.
    """
    ours = {account.id for account in list_accounts(clients)}
    lying = [stored.key for stored in clients.store.list("incoming") if now - stored.modified > IN_TIME]
    jobs = [job for job in map(_job_of_manifest, lying) if job is not None and job.account in ours]
    return sum(_hand_to_the_worker(clients, job, once=True) for job in jobs)


def _job_of_manifest(key: str) -> Job | None:
    try:
        keys = incoming_of(key)
    except ValueError:  # the function that was told of it has said so
        return None
    return job_of(keys) if key == keys.manifest else None


def _arrived(clients: Clients, keys: IncomingKeys) -> _Arrived | None:
    there = {stored.key: stored.size for stored in clients.store.list(keys.folder)}
    if keys.manifest not in there:
        return None
    if there[keys.manifest] > _MANIFEST_UP_TO:
        raise ValueError(f"not a manifest: {there[keys.manifest]} bytes")
    try:
        manifest = _manifest(clients.store.get(keys.manifest))
    except ObjectMissing:  # received since it was listed
        return None
    sizes = [there.get(keys.file(file.key)) for file in manifest.files]
    known = [size for size in sizes if size is not None]
    return _Arrived(manifest, known) if len(known) == len(sizes) else None


def _unpacked(arrived: _Arrived) -> int:
    """About how many bytes a reader of its files goes through."""
    files = zip(arrived.manifest.files, arrived.sizes, strict=True)
    return sum(size * (_PACKED if file.name.lower().endswith(_PACKING) else 1) for file, size in files)


def _hand_to_the_worker(clients: Clients, job: Job, *, once: bool = False) -> bool:
    """Each object of a delivery has an event, and events are repeated: whether it is new to the worker."""
    with clients.database.session(job.account) as session:
        if clients.queue.has(session, job, or_gave_up=once):
            return False
        clients.queue.enqueue(session, JobName.RECEIVE, job)
    get_logger().info("delivery handed to the worker", upload_id=str(job.upload))
    return True


def _manifest(content: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(f"not a manifest: {error}") from error


def _received(clients: Clients, keys: IncomingKeys, arrived: _Arrived, *, folder: Path, now: datetime) -> UUID:
    delivery = Delivery(
        account=AccountId(keys.account),
        cnpj=Cnpj.parse(arrived.manifest.cnpj),
        company_name=arrived.manifest.company_name,
        state=arrived.manifest.state,
        files=[],
        id=keys.upload,
    )
    if sum(arrived.sizes) > Limits.max_bytes:  # no disk need hold what is refused anyway
        return refuse(clients, delivery, UploadTooLarge(limit_mb=Limits.max_bytes // 1_000_000))
    files = [_fetched(clients, keys, file, folder=folder) for file in arrived.manifest.files]
    delivery = replace(delivery, files=files)
    try:
        return receive(clients, delivery, now=now)
    except BadInput as error:
        return refuse(clients, delivery, error)


def _fetched(clients: Clients, keys: IncomingKeys, file: ManifestFile, *, folder: Path) -> IncomingFile:
    path = folder / file.key
    clients.store.download(keys.file(file.key), path)
    return IncomingFile(name=file.name, path=path, table=file.table, tab=file.tab)
