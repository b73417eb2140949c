"""Uploads after they were sent: how they go, what was found in them, what became of their rows."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from app.api.answers import MEDIA_TYPES, Cursor, Wanted, file_contents
from app.api.cursors import cursor_after, place_of
from app.api.dependencies import ClientsOf, Uploader, company_of
from app.api.problems import language_of
from app.api.schemas.problems import CALLER, problem_responses
from app.api.schemas.uploads import UploadPage, UploadStatus
from app.api.watching import Watchers
from app.core.clients import Clients
from app.domain.access import Action
from app.domain.errors import (
    Expired,
    InvalidCnpj,
    InvalidRequest,
    MissingCsrfToken,
    NotAcceptable,
    StaleCursor,
    TooLateToCancel,
    UnknownCompany,
    UnknownUpload,
)
from app.domain.findings import RULES
from app.domain.text import Language
from app.domain.uploads import Table, UploadState
from app.pipeline import screened
from app.pipeline.access import Caller
from app.pipeline.audit import Deed, record
from app.pipeline.rendering import Format, render
from app.pipeline.uploads import Upload, cancel_upload, find_upload, list_uploads

router = APIRouter(prefix="/uploads", tags=["uploads"])

_OF_ONE: Final = (*CALLER, InvalidRequest, UnknownUpload)
_BREATH_S: Final = 15.0  # a comment now and then, so that nobody between us takes the line for dead
_LONGEST_S: Final = 300.0  # then the reader calls again, by itself
_EVENT: Final = (
    'event: upload\ndata: {"id": "0b1f6a52-8f0e-4c3b-9a53-1f6a7d2c9e10", "state": "forecasting", '
    '"stage": "train", "progress": 40, "error": null}\n\n'
)
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `upload`; `data` is a JSON object of id, state, stage, progress and error.",
        "content": {"text/event-stream": {"schema": {"type": "object", "required": ["data"]}, "example": _EVENT}},
    }
}


def _rows(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """An answer of rows such as this one, in every format."""
    json_rows = {"schema": {"type": "array", "items": {"type": "object"}}, "example": [example]}
    content = {MEDIA_TYPES[Format.JSON]: json_rows} | file_contents()
    return {200: {"description": "In the format that was asked for.", "content": content}}


_RULE: Final = RULES["unreadable-quantity"]
_FINDING: Final = {
    "table": "vendas_itens",
    "file": "itens.csv",
    "line": 42,
    "column": "Quantidade",
    "value": "muito",
    "rule": _RULE.code,
    "severity": _RULE.severity.value,
    "title": _RULE.title.pt,
    "mend": _RULE.mend.pt,
}
_REJECTED: Final = {"Pedido": "1042", "Código": "PAO", "Quantidade": "muito", "motivo": _RULE.title.pt}
_ACCEPTED: Final = {
    "id_venda": "1042",
    "linha": 1,
    "data_venda": "2026-11-22",
    "situacao": "concluida",
    "sku": "PAO",
    "quantidade": 12.0,
    "valor_total": 9.0,
}


def upload_of(upload_id: UUID, caller: Uploader, clients: ClientsOf) -> Upload:
    """The upload in the path, if the caller may see its company."""
    found = find_upload(clients, caller.account, upload_id)
    if caller.cnpjs is not None and found.cnpj not in caller.cnpjs:
        raise UnknownUpload(upload_id=upload_id)
    return found


Found = Annotated[Upload, Depends(upload_of)]


@router.get("", responses=problem_responses(*CALLER, InvalidRequest, InvalidCnpj, UnknownCompany, StaleCursor))
def uploads(
    request: Request,
    caller: Uploader,
    clients: ClientsOf,
    cnpj: str | None = None,
    state: UploadState | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: Cursor = None,
) -> UploadPage:
    """Uploads of the account, or of one company or state; the newest first."""
    of = caller.cnpjs if cnpj is None else {company_of(caller, cnpj).text}
    found = list_uploads(clients, caller.account, limit=limit, of=of, state=state, before=place_of(cursor))
    shown = [UploadStatus.of(upload, language=language_of(request)) for upload in found]
    return UploadPage(uploads=shown, next_cursor=cursor_after(found, limit))


@router.get("/{upload_id}", responses=problem_responses(*_OF_ONE))
def upload_status(request: Request, found: Found) -> UploadStatus:
    """How far an upload is, and what was found in its files."""
    return UploadStatus.of(found, language=language_of(request))


@router.post("/{upload_id}/cancel", responses=problem_responses(*_OF_ONE, MissingCsrfToken, TooLateToCancel))
def cancel(request: Request, found: Found, caller: Uploader, clients: ClientsOf) -> UploadStatus:
    """Stop the work: no forecast comes of it. Once prepared, its sales are the company's and count in the next one.

    What is published or failed already stays so.
    """
    cancelled = cancel_upload(clients, caller.account, found.id, actor=caller.actor)
    return UploadStatus.of(cancelled, language=language_of(request))


@router.get(
    "/{upload_id}/findings",
    response_class=Response,
    responses=_rows(_FINDING) | problem_responses(*_OF_ONE, NotAcceptable, Expired),
)
def findings(request: Request, found: Found, clients: ClientsOf, wanted: Wanted) -> Response:
    """Everything that was noticed: which line of which file, the value, the rule, how to mend it."""
    rows = screened.findings(clients, found, language=language_of(request))
    return _file(render(rows, wanted), wanted, f"avisos-{found.id}")


@router.get(
    "/{upload_id}/rejected",
    response_class=Response,
    responses=_rows(_REJECTED) | problem_responses(*_OF_ONE, NotAcceptable, Expired),
)
def rejected(
    request: Request,
    found: Found,
    caller: Uploader,
    clients: ClientsOf,
    wanted: Wanted,
    table: Table = Table.ITEMS,
) -> Response:
    """Rows that were set aside, under your own headings, with the reason last: mend them and send them alone."""
    rows = screened.rejected(clients, found, table=table, language=language_of(request))
    _write_down(clients, caller, found, "rejected")
    return _file(render(rows, wanted), wanted, f"{table.value}-recusadas-{found.id}")


@router.get(
    "/{upload_id}/accepted",
    response_class=Response,
    responses=_rows(_ACCEPTED) | problem_responses(*_OF_ONE, NotAcceptable, Expired),
)
def accepted(found: Found, caller: Uploader, clients: ClientsOf, wanted: Wanted) -> Response:
    """Rows that were accepted, cleaned, under our names of columns."""
    rows = screened.accepted(clients, found)
    _write_down(clients, caller, found, "accepted")
    return _file(render(rows, wanted), wanted, f"aceitas-{found.id}")


@router.get(
    "/{upload_id}/events",
    response_class=StreamingResponse,
    responses=_EVENTS | problem_responses(*_OF_ONE),
)
async def events(request: Request, found: Found, caller: Uploader, clients: ClientsOf) -> StreamingResponse:
    """How the upload goes, as server-sent events; the stream ends with the upload."""
    told = _told(request.app.state.watchers, clients, caller, found, language=language_of(request))
    return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _told(
    watchers: Watchers, clients: Clients, caller: Caller, upload: Upload, *, language: Language
) -> AsyncIterator[str]:
    said, end = "", asyncio.get_running_loop().time() + _LONGEST_S
    with watchers.watching(caller.account) as moved:
        while not watchers.are_over and asyncio.get_running_loop().time() < end:
            moved.clear()
            upload = await run_in_threadpool(find_upload, clients, caller.account, upload.id)
            now = _event(upload, language)
            if now != said:
                yield now
                said = now
            if upload.state.is_final:
                return
            try:
                await asyncio.wait_for(moved.wait(), _BREATH_S)
            except TimeoutError:
                yield ": ainda aqui\n\n"


def _event(upload: Upload, language: Language) -> str:
    """Only what moves; the report is at the upload's own address."""
    shown = UploadStatus.of(upload, language=language).model_dump(
        mode="json", include={"id", "state", "stage", "progress", "error"}
    )
    return f"event: upload\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n"


def _write_down(clients: Clients, caller: Caller, upload: Upload, what: str) -> None:
    record(clients, caller.account, Deed(Action.DOWNLOADED, str(upload.id), caller.actor, {"what": what}))


def _file(body: bytes, kind: Format, name: str) -> Response:
    headers = {"Cache-Control": "private, no-store", "Vary": "Accept, Accept-Language"}
    if kind is not Format.JSON:
        headers["Content-Disposition"] = f'attachment; filename="{name}.{kind.value}"'
    return Response(body, media_type=MEDIA_TYPES[kind], headers=headers)
