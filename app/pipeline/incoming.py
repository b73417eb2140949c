"""Deliveries straight to the bucket: files and a manifest, in any order, received once all of them are there."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys, incoming_of
from app.domain.cnpj import Cnpj
from app.domain.errors import BadInput
from app.domain.states import State
from app.domain.uploads import IncomingFile, Table
from app.pipeline.companies import require_account
from app.pipeline.handing import PATIENCE
from app.pipeline.intake import Delivery, receive, refuse


class ManifestFile(BaseModel):
    """A file of a delivery: by what plain name it lies beside the manifest, and what the customer calls it."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    name: str = Field(min_length=1, max_length=255)
    table: Table | None = None


class Manifest(BaseModel):
    """`incoming/{account}/{upload_id}/envio.json`: whose the files beside it are."""

    model_config = ConfigDict(extra="forbid")

    cnpj: str
    company_name: str = Field(min_length=1, max_length=255)
    state: State | None = None
    files: list[ManifestFile] = Field(min_length=1, max_length=20)


def take_in(clients: Clients, key: str, *, now: datetime, patience: timedelta = PATIENCE) -> UUID | None:
    """Receive the delivery an object of `incoming/` belongs to, once all of it is there; its upload, or None till then.

    Whichever of its objects comes last completes it. What is received, or refused, leaves `incoming/` at once.

    Raises:
        ValueError: the key is outside the layout, the account is unknown, or the manifest cannot be read.
    """
    keys = incoming_of(key)
    account = AccountId(keys.account)
    with clients.database.session(account) as session:
        require_account(session, account)
    with clients.database.turn(keys.upload, patience=patience), tempfile.TemporaryDirectory() as folder:
        delivery = _delivery(clients, keys, folder=Path(folder))
        if delivery is None:
            return None
        upload = _received(clients, delivery, now=now)
        clients.store.delete(stored.key for stored in list(clients.store.list(keys.folder)))
        return upload


def _delivery(clients: Clients, keys: IncomingKeys, *, folder: Path) -> Delivery | None:
    """The delivery on local disk; None while something of it is missing, or has been received already."""
    there = {stored.key for stored in clients.store.list(keys.folder)}
    if keys.manifest not in there:
        return None
    manifest = _manifest(clients.store.get(keys.manifest))
    if not {keys.file(file.key) for file in manifest.files} <= there:
        return None
    files = [_fetched(clients, keys, file, folder=folder) for file in manifest.files]
    cnpj = Cnpj.parse(manifest.cnpj)
    return Delivery(
        account=AccountId(keys.account),
        cnpj=cnpj,
        company_name=manifest.company_name,
        state=manifest.state,
        files=files,
        id=keys.upload,
    )


def _manifest(content: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(f"not a manifest: {error}") from error


def _fetched(clients: Clients, keys: IncomingKeys, file: ManifestFile, *, folder: Path) -> IncomingFile:
    path = folder / file.key
    clients.store.download(keys.file(file.key), path)
    return IncomingFile(name=file.name, path=path, table=file.table)


def _received(clients: Clients, delivery: Delivery, *, now: datetime) -> UUID:
    try:
        return receive(clients, delivery, now=now)
    except BadInput as error:
        return refuse(clients, delivery, error)
