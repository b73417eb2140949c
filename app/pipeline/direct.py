"""Deliveries whose files go straight to the lake: addresses first, then the files, then the word that all is there."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import select

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys
from app.core.sending import Readable
from app.core.tables import DirectUploadRow
from app.domain.cnpj import Cnpj
from app.domain.errors import FileNotArrived, ObjectMissing, UnknownUpload, UploadTooLarge
from app.domain.states import State
from app.domain.uploads import Table
from app.pipeline.handing import PATIENCE
from app.pipeline.incoming import Manifest, ManifestFile, job_of, receive_delivered

LASTS: Final = timedelta(hours=24)


class Announced(NamedTuple):
    """A file that is going to come."""

    name: str
    table: Table | None
    tab: str | None = None


class Slot(NamedTuple):
    """Where a file is to be PUT; without an address of the lake's own, through the service."""

    name: str
    url: str | None


class Direct(NamedTuple):
    """A delivery that waits for its files."""

    id: UUID
    cnpj: str
    slots: list[Slot]
    expires_at: datetime
    completed_as: UUID | None


class Named(NamedTuple):
    """Whose a delivery will be, as its sender says."""

    cnpj: Cnpj
    name: str
    state: State | None = None


def announce(
    clients: Clients,
    account: AccountId,
    files: Sequence[Announced],
    *,
    company: Named,
    now: datetime,
) -> Direct:
    """Make room for a delivery; the addresses work for a day."""
    row = DirectUploadRow(
        account_id=account,
        id=uuid4(),
        cnpj=company.cnpj.text,
        company_name=company.name,
        state=company.state,
        files=[_listed(at, file) for at, file in enumerate(files)],
        expires_at=now + LASTS,
    )
    with clients.database.session(account) as session:
        session.add(row)
    return _direct(clients, row)


def find_direct(clients: Clients, account: AccountId, upload: UUID) -> Direct:
    """A delivery that waits for its files.

    Raises:
        UnknownUpload: the account has none with this id.
    """
    return _direct(clients, _row(clients, account, upload))


def take_file(clients: Clients, account: AccountId, upload: UUID, at: int, content: Readable) -> None:
    """Put one file of a delivery into the lake, where the lake has no addresses of its own to PUT to.

    Raises:
        UnknownUpload: the account has no such delivery, or the delivery no such file.
    """
    row = _row(clients, account, upload)
    if not 0 <= at < len(row.files):
        raise UnknownUpload(upload_id=upload)
    clients.store.put(IncomingKeys(account, upload).file(row.files[at]["key"]), content, if_absent=False)


def complete(clients: Clients, account: AccountId, upload: UUID, *, limit_bytes: int, now: datetime) -> UUID:
    """Take a delivery in, now that its files are there; again, it is the same upload.

    Returns:
        The upload it became: an earlier one's, if the same bytes were sent before.

    Raises:
        UnknownUpload: the account has no such delivery.
        FileNotArrived: a file is missing.
        UploadTooLarge: together they are over the limit; they are removed.
    """
    row = _row(clients, account, upload)
    if row.completed_as is not None:
        return row.completed_as
    keys = IncomingKeys(account, upload)
    _require_files(clients, row, keys, limit_bytes=limit_bytes)
    manifest = Manifest(
        cnpj=row.cnpj,
        company_name=row.company_name,
        state=State(row.state) if row.state else None,
        files=[ManifestFile.model_validate(file) for file in row.files],
    )
    clients.store.put(keys.manifest, manifest.model_dump_json(exclude_none=True).encode(), if_absent=False)
    with clients.database.turn(upload, patience=PATIENCE):
        became = receive_delivered(clients, job_of(keys), now=now) or upload
    with clients.database.session(account) as session:
        session.get_one(DirectUploadRow, (account, upload)).completed_as = became
    return became


def _listed(at: int, file: Announced) -> dict[str, Any]:
    """As the manifest will list it. What is not said is not written: an older release reads only what it knows."""
    listed = ManifestFile(key=f"file-{at}", name=file.name, table=file.table, tab=file.tab)
    return listed.model_dump(mode="json", exclude_none=True)


def _require_files(clients: Clients, row: DirectUploadRow, keys: IncomingKeys, *, limit_bytes: int) -> None:
    size = 0
    for file in row.files:
        try:
            size += clients.store.head(keys.file(file["key"])).size
        except ObjectMissing as error:
            raise FileNotArrived(file=file["name"]) from error
    if size > limit_bytes:
        clients.store.delete([keys.file(file["key"]) for file in row.files])
        raise UploadTooLarge(limit_mb=limit_bytes // 1_000_000)


def _row(clients: Clients, account: AccountId, upload: UUID) -> DirectUploadRow:
    with clients.database.session(account) as session:
        row = session.scalar(select(DirectUploadRow).where(DirectUploadRow.id == upload))
    if row is None:
        raise UnknownUpload(upload_id=upload)
    return row


def _direct(clients: Clients, row: DirectUploadRow) -> Direct:
    keys = IncomingKeys(row.account_id, row.id)
    slots = [Slot(file["name"], clients.store.put_url(keys.file(file["key"]), lasts=LASTS)) for file in row.files]
    return Direct(row.id, row.cnpj, slots, row.expires_at, row.completed_as)
