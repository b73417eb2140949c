"""Uploads straight to the lake: addresses, files, and the word that all is there."""

from datetime import UTC, datetime
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from app.api.dependencies import ClientsOf, SettingsOf, Uploader, company_of
from app.api.forms import pieces_of
from app.api.limits import body_of
from app.api.schemas.problems import CHANGING, FILES, problem_responses
from app.api.schemas.uploads import SlotShown, UploadAccepted, UploadAnnounced, UploadPrepared
from app.domain.access import Action
from app.domain.cnpj import Cnpj
from app.domain.errors import FileNotArrived, InvalidCnpj, TooSlow, UnknownCompany, UnknownUpload, UploadTooLarge
from app.domain.uploads import UploadState
from app.pipeline.audit import Deed, record
from app.pipeline.direct import Announced, Direct, Named, announce, complete, find_direct, take_file

router = APIRouter(prefix="/uploads", tags=["uploads"])

_IN_MEMORY = 1 << 20


def direct_of(upload_id: UUID, caller: Uploader, clients: ClientsOf) -> Direct:
    """The delivery in the path, if the caller may see its company."""
    found = find_direct(clients, caller.account, upload_id)
    caller.require_company(Cnpj(found.cnpj))
    return found


Found = Annotated[Direct, Depends(direct_of)]


@router.post("", status_code=HTTPStatus.CREATED, responses=problem_responses(*CHANGING, InvalidCnpj, UnknownCompany))
def announce_upload(announced: UploadAnnounced, caller: Uploader, clients: ClientsOf) -> UploadPrepared:
    """Say which files will come; PUT each to its address within a day, then complete the upload."""
    direct = announce(
        clients,
        caller.account,
        [Announced(file.name, file.table, file.tab) for file in announced.files],
        company=Named(company_of(caller, announced.cnpj), announced.company_name, announced.state),
        now=datetime.now(UTC),
    )
    here = f"/uploads/{direct.id}"
    slots = [SlotShown(name=slot.name, url=slot.url or f"{here}/files/{at}") for at, slot in enumerate(direct.slots)]
    return UploadPrepared(id=direct.id, files=slots, expires_at=direct.expires_at, complete=f"{here}/complete")


@router.put(
    "/{upload_id}/files/{at}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(*CHANGING, UnknownUpload, TooSlow, UploadTooLarge),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def put_file(
    request: Request, at: int, found: Found, caller: Uploader, clients: ClientsOf, settings: SettingsOf
) -> None:
    """One file of an announced upload, where the lake has no addresses of its own."""
    body_of(request).allow(settings.upload_limit_bytes)
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        async for piece in pieces_of(request):
            await run_in_threadpool(file.write, piece)
        file.seek(0)
        await run_in_threadpool(take_file, clients, caller.account, found.id, at, file)


@router.post(
    "/{upload_id}/complete",
    status_code=HTTPStatus.ACCEPTED,
    responses=problem_responses(*CHANGING, *FILES, UnknownUpload, FileNotArrived),
)
def complete_upload(
    response: Response, found: Found, caller: Uploader, clients: ClientsOf, settings: SettingsOf
) -> UploadAccepted:
    """All files are there: the work begins. Asked again, it answers the same."""
    now = datetime.now(UTC)
    became = complete(clients, caller.account, found.id, limit_bytes=settings.upload_limit_bytes, now=now)
    deed = Deed(Action.UPLOADED, str(became), caller.actor, {"cnpj": found.cnpj}, f"upload {became}")
    record(clients, caller.account, deed)
    url = f"/uploads/{became}"
    response.headers["Location"] = url
    return UploadAccepted(id=became, state=UploadState.RECEIVED, url=url)
