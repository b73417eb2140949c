"""Uploads: send files, ask how it goes."""

import shutil
import tempfile
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from app.api.dependencies import ClientsOf, Uploader, company_of
from app.api.problems import language_of
from app.api.schemas.problems import problem_responses
from app.api.schemas.uploads import UploadAccepted, UploadStatus
from app.domain.errors import MissingTable
from app.domain.uploads import IncomingFile, Table, UploadState
from app.pipeline.intake import Delivery, receive
from app.pipeline.uploads import find_upload

router = APIRouter(tags=["uploads"])

OptionalFile = Annotated[UploadFile | None, File()]


@router.post("/upload", status_code=HTTPStatus.ACCEPTED, responses=problem_responses(401, 413, 422, 503))
def upload(
    response: Response,
    caller: Uploader,
    clients: ClientsOf,
    cnpj: Annotated[str, Form(examples=["12.ABC.345/01DE-35"])],
    company_name: Annotated[str, Form(min_length=1, max_length=200)],
    vendas: OptionalFile = None,
    vendas_itens: OptionalFile = None,
    produtos: OptionalFile = None,
    files: Annotated[list[UploadFile] | None, File(description="Files whose table we find out.")] = None,
) -> UploadAccepted:
    """Send one to three tables of a company. The work goes on behind; `Location` tells where to ask how."""
    named = [(vendas, Table.SALES), (vendas_itens, Table.ITEMS), (produtos, Table.PRODUCTS)]
    sent = [(file, table) for file, table in named if file] + [(file, None) for file in files or []]
    if not sent:
        raise MissingTable
    with tempfile.TemporaryDirectory(prefix="quantyfy-upload-") as folder:
        delivery = Delivery(
            account=caller.account,
            cnpj=company_of(caller, cnpj),
            company_name=company_name,
            files=[_on_disk(file, table, Path(folder) / str(at)) for at, (file, table) in enumerate(sent)],
        )
        upload_id = receive(clients, delivery, now=datetime.now(UTC))
    url = f"/uploads/{upload_id}"
    response.headers["Location"] = url
    return UploadAccepted(id=upload_id, state=UploadState.RECEIVED, url=url)


@router.get("/uploads/{upload_id}", responses=problem_responses(401, 404, 422, 503))
def upload_status(request: Request, upload_id: UUID, caller: Uploader, clients: ClientsOf) -> UploadStatus:
    """How far an upload is, and what was found in its files."""
    return UploadStatus.of(find_upload(clients, caller.account, upload_id), language=language_of(request))


def _on_disk(file: UploadFile, table: Table | None, path: Path) -> IncomingFile:
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target)
    return IncomingFile(name=file.filename or "", path=path, table=table)
