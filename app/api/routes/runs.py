"""Forecasts a company has had."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.answers import Cursor
from app.api.cursors import cursor_after, place_of
from app.api.dependencies import ClientsOf, Reader, company_of
from app.api.schemas.accounts import Runs, RunShown
from app.api.schemas.problems import CALLER, problem_responses
from app.domain.errors import InvalidCnpj, InvalidRequest, StaleCursor, UnknownCompany
from app.pipeline import reading

router = APIRouter(tags=["readings"])


@router.get(
    "/runs/{cnpj}", responses=problem_responses(*CALLER, InvalidCnpj, UnknownCompany, InvalidRequest, StaleCursor)
)
def runs(
    cnpj: str,
    caller: Reader,
    clients: ClientsOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: Cursor = None,
) -> Runs:
    """Every forecast of the company, the newest first: what it saw, how long it took, how good its backtest was."""
    company = company_of(caller, cnpj)
    found = reading.runs(clients, caller.account, company, limit=limit, before=place_of(cursor))
    return Runs(runs=[RunShown.model_validate(run) for run in found], next_cursor=cursor_after(found, limit))
