"""Companies of the account: listed, exported, erased."""

import shutil
import tempfile
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from app.api.dependencies import AccountAdmin, Admin, ClientsOf, Reader, company_of
from app.api.schemas.accounts import Companies, CompanyShown, ErasureShown
from app.api.schemas.problems import CALLER, CHANGING, problem_responses
from app.domain.errors import InvalidCnpj, InvalidRequest, UnknownCompany, UnknownErasure
from app.pipeline.companies import Company, list_companies
from app.pipeline.erasure import erase_company, find_erasure
from app.pipeline.exporting import export_company

router = APIRouter(tags=["companies"])


@router.get("/companies", responses=problem_responses(*CALLER))
def companies(caller: Reader, clients: ClientsOf) -> Companies:
    """Every company the caller may see, by name."""
    found = list_companies(clients, caller.account)
    seen = [company for company in found if caller.cnpjs is None or company.cnpj.text in caller.cnpjs]
    return Companies(companies=[_shown(company) for company in seen])


def _shown(company: Company) -> CompanyShown:
    return CompanyShown(cnpj=company.cnpj.text, name=company.name, state=company.state)


_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"description": "A zip.", "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/companies/{cnpj}/export",
    response_class=FileResponse,
    responses=_ZIP | problem_responses(*CALLER, InvalidCnpj, UnknownCompany),
)
def export(cnpj: str, caller: Admin, clients: ClientsOf) -> FileResponse:
    """Everything we hold of the company: as received, cleaned and forecast, and what was written down of it."""
    company = company_of(caller, cnpj)
    folder = tempfile.mkdtemp(prefix="quantyfy-export-")
    leave = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    target = Path(folder) / f"{company.text}.zip"
    try:
        export_company(clients, caller.account, company, target, actor=caller.actor)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(target, media_type="application/zip", filename=target.name, background=leave)


@router.delete(
    "/companies/{cnpj}",
    status_code=HTTPStatus.ACCEPTED,
    responses=problem_responses(*CHANGING, InvalidCnpj, UnknownCompany),
)
def erase(cnpj: str, caller: Admin, clients: ClientsOf) -> ErasureShown:
    """Erase the company for ever. It is out of service at once; the receipt says when its objects are gone too.

    Asked again, it answers the same receipt.
    """
    company = company_of(caller, cnpj)
    now = datetime.now(UTC)
    return ErasureShown.model_validate(erase_company(clients, caller.account, company, actor=caller.actor, now=now))


@router.get("/erasures/{erasure_id}", responses=problem_responses(*CALLER, InvalidRequest, UnknownErasure))
def erasure(erasure_id: UUID, caller: AccountAdmin, clients: ClientsOf) -> ErasureShown:
    """The receipt of an erasure."""
    return ErasureShown.model_validate(find_erasure(clients, caller.account, erasure_id))
