"""Uploads sent through the service: files in, and one answer however often they are sent."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Query, Response, UploadFile
from pydantic import Json

from app.api.dependencies import ClientsOf, SettingsOf, Uploader, company_of
from app.api.schemas.problems import problem_responses
from app.api.schemas.uploads import Rehearsed, UploadAccepted
from app.core.clients import Clients
from app.domain.access import Action
from app.domain.errors import MissingTable
from app.domain.uploads import IncomingFile, Table, UploadState
from app.pipeline.access import Caller
from app.pipeline.audit import Deed, record
from app.pipeline.idempotency import Reply, fingerprint, once
from app.pipeline.intake import Delivery, receive
from app.pipeline.screened import rehearse

router = APIRouter(tags=["uploads"])

_REHEARSED: dict[int | str, dict[str, Any]] = {200: {"model": Rehearsed, "description": "Of a dry run."}}

OptionalFile = Annotated[UploadFile | None, File()]
ColumnMapping = Annotated[
    Json[dict[Table, dict[str, str]]] | None,
    Form(
        description="JSON: per table, headings to fields (an empty field leaves a column unused). Remembered for files "
        "with the same headings.",
        examples=['{"vendas_itens": {"Cód. Interno": "sku"}}'],
    ),
]
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
    responses=_REHEARSED | problem_responses(401, 403, 404, 408, 409, 413, 415, 422, 429, 503),
)
def upload(
    caller: Uploader,
    clients: ClientsOf,
    settings: SettingsOf,
    cnpj: Annotated[str, Form(examples=["12.ABC.345/01DE-35"], max_length=40)],
    company_name: Annotated[str, Form(min_length=1, max_length=200)],
    vendas: OptionalFile = None,
    vendas_itens: OptionalFile = None,
    produtos: OptionalFile = None,
    files: Annotated[list[UploadFile] | None, File(description="Files whose table we find out.")] = None,
    columns: ColumnMapping = None,
    dry_run: Annotated[bool, Query(description="Only say how the files are understood; store nothing.")] = False,  # noqa: FBT002  a query flag
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send one to three tables of a company. The work goes on behind; `Location` tells where to ask how."""
    named = [(vendas, Table.SALES), (vendas_itens, Table.ITEMS), (produtos, Table.PRODUCTS)]
    sent = [(file, table) for file, table in named if file] + [(file, None) for file in files or []]
    company = company_of(caller, cnpj)
    if not sent:
        raise MissingTable
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="quantyfy-upload-") as folder:
        on_disk = [_on_disk(file, table, Path(folder) / str(at)) for at, (file, table) in enumerate(sent)]
        if dry_run:
            said = rehearse(on_disk, cnpj=company, today=now, mappings=columns)
            return _json(Rehearsed.model_validate(said._asdict()), HTTPStatus.OK)
        delivery = Delivery(
            account=caller.account,
            cnpj=company,
            company_name=company_name,
            files=on_disk,
            max_bytes=settings.upload_limit_bytes,
            mappings=columns or {},
        )

        def act() -> Reply:
            return _received(clients, caller, delivery, now=now)

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
    files = [part for file in delivery.files for part in (str(file.table), file.name, _sha256(file.path))]
    asked = fingerprint(
        "/upload", delivery.cnpj.text, delivery.company_name, json.dumps(delivery.mappings, sort_keys=True), *files
    )
    return once(clients, caller.account, key, act, asked=asked, now=now)


def _sha256(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _on_disk(file: UploadFile, table: Table | None, path: Path) -> IncomingFile:
    """Starlette has it on disk beyond its first megabyte, nameless: what reads tables wants a path."""
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target)
    return IncomingFile(name=_plain(file.filename), path=path, table=table)


def _plain(name: str | None) -> str:
    """What the customer calls a file, in one printable line; never a path of ours."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:255]


def _json(shown: Rehearsed, status: HTTPStatus) -> Response:
    return Response(shown.model_dump_json(), status_code=status, media_type="application/json")
