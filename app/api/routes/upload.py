"""Uploads sent through the service: files in, and one answer however often they are sent."""

import json
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from app.api.dependencies import ClientsOf, SettingsOf, Uploader, company_of
from app.api.forms import SentFile, read_form
from app.api.limits import body_of
from app.api.schemas.problems import CHANGING, FILES, problem_responses
from app.api.schemas.upload_form import FILE_FIELDS, UploadForm
from app.api.schemas.uploads import Rehearsed, UploadAccepted
from app.core.clients import Clients
from app.domain.access import Action
from app.domain.errors import (
    IncompleteRequest,
    InvalidCnpj,
    InvalidRequest,
    MissingTable,
    OtherRequestWithThisKey,
    StillRunning,
    TookTooLong,
    TooSlow,
    UnknownCompany,
    UnsupportedContent,
)
from app.domain.text import Text
from app.domain.uploads import IncomingFile, UploadState
from app.pipeline.access import Caller
from app.pipeline.audit import Deed, record
from app.pipeline.idempotency import Reply, fingerprint, once
from app.pipeline.intake import Delivery, file_sha256, receive
from app.pipeline.screened import rehearse

router = APIRouter(tags=["uploads"])

_NO_SUCH_BOX: Final = Text(
    "{field}: não há campo de arquivo com este nome; há {known}",
    "{field}: no field for a file has this name; {known} do",
)

_ALONE: Final = (
    *(InvalidCnpj, UnknownCompany, OtherRequestWithThisKey, StillRunning),
    *(UnsupportedContent, TooSlow, IncompleteRequest, TookTooLong),
)
_REHEARSED: dict[int | str, dict[str, Any]] = {200: {"model": Rehearsed, "description": "Of a dry run."}}

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Any text of yours: sent again with the same request, it has the same answer for a day.",
    ),
]


@router.post(
    "/upload",
    status_code=HTTPStatus.ACCEPTED,
    response_model=UploadAccepted,
    responses=_REHEARSED | problem_responses(*CHANGING, *FILES, *_ALONE),
    openapi_extra={"requestBody": UploadForm.as_request_body()},
)
async def upload(
    request: Request,
    caller: Uploader,
    clients: ClientsOf,
    settings: SettingsOf,
    dry_run: Annotated[bool, Query(description="Only say how the files are understood; store nothing.")] = False,  # noqa: FBT002  a query flag
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send one to three tables of a company, each in one file or in several: fields may be repeated.

    The work goes on behind; `Location` tells where to ask how.
    """
    body_of(request).allow(settings.upload_limit_bytes)
    with tempfile.TemporaryDirectory(prefix="quantyfy-upload-") as folder:
        form = await read_form(request, Path(folder))
        said = UploadForm.of(form.fields)
        delivery = Delivery(
            account=caller.account,
            cnpj=company_of(caller, said.cnpj),
            company_name=said.company_name,
            state=said.state,
            files=_incoming(form.files, tab=said.tab),
            max_bytes=settings.upload_limit_bytes,
            mappings=said.columns or {},
        )
        answer = (
            partial(_rehearsed, delivery) if dry_run else partial(_taken, clients, caller, delivery, idempotency_key)
        )
        return await run_in_threadpool(answer)


def _rehearsed(delivery: Delivery) -> Response:
    said = rehearse(delivery.files, cnpj=delivery.cnpj, today=datetime.now(UTC), mappings=delivery.mappings)
    shown = Rehearsed.model_validate(said._asdict())
    return Response(shown.model_dump_json(), media_type="application/json")


def _taken(clients: Clients, caller: Caller, delivery: Delivery, idempotency_key: str | None) -> Response:
    now = datetime.now(UTC)
    act = partial(_received, clients, caller, delivery, now=now)
    reply = act() if idempotency_key is None else _once(clients, caller, delivery, idempotency_key, act, now=now)
    return Response(reply.body, status_code=reply.status, headers=reply.headers, media_type="application/json")


def _received(clients: Clients, caller: Caller, delivery: Delivery, *, now: datetime) -> Reply:
    upload_id = receive(clients, delivery, now=now)
    facts = {"cnpj": delivery.cnpj.text, "files": [file.name[:255] for file in delivery.files]}
    record(clients, caller.account, Deed(Action.UPLOADED, str(upload_id), caller.actor, facts, f"upload {upload_id}"))
    url = f"/uploads/{upload_id}"
    accepted = UploadAccepted(id=upload_id, state=UploadState.RECEIVED, url=url)
    return Reply(HTTPStatus.ACCEPTED, {"Location": url}, accepted.model_dump_json().encode())


def _once(
    clients: Clients, caller: Caller, delivery: Delivery, key: str, act: Callable[[], Reply], *, now: datetime
) -> Reply:
    said = sorted((str(f.table), f.name, f.tab or "", file_sha256(f.path)) for f in delivery.files)
    asked = fingerprint(
        *("/upload", delivery.cnpj.text, delivery.company_name, delivery.state or ""),
        *(json.dumps(delivery.mappings, sort_keys=True), *(part for file in said for part in file)),
    )
    return once(clients, caller.account, key, act, asked=asked, now=now)


def _incoming(sent: Iterable[SentFile], *, tab: str | None) -> list[IncomingFile]:
    """The form's files; a browser sends a nameless, empty one for each box that was left empty.

    Raises:
        InvalidRequest: a file is in no field of ours, and would be lost.
        MissingTable: there is none.
    """
    files = []
    for file in sent:
        if file.field not in FILE_FIELDS:
            raise InvalidRequest(problems=_NO_SUCH_BOX.format(field=file.field, known=", ".join(FILE_FIELDS)))
        if file.name or file.path.stat().st_size:
            files.append(IncomingFile(name=_plain(file.name), path=file.path, table=FILE_FIELDS[file.field], tab=tab))
    if not files:
        raise MissingTable
    return files


def _plain(name: str) -> str:
    """What the customer calls a file, in one printable line; never a path of ours."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:255]
