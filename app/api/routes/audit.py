"""The audit log."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.answers import Cursor
from app.api.cursors import cursor_after, place_of
from app.api.dependencies import AccountAdmin, ClientsOf
from app.api.schemas.accounts import AuditEntry, AuditPage
from app.api.schemas.problems import CALLER, problem_responses
from app.domain.errors import InvalidRequest, StaleCursor
from app.pipeline.audit import entries

router = APIRouter(prefix="/audit", tags=["account"])


@router.get("", responses=problem_responses(*CALLER, InvalidRequest, StaleCursor))
def audit(
    caller: AccountAdmin,
    clients: ClientsOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> AuditPage:
    """Who uploaded, read, exported, erased, made and revoked what; the newest first. Reading is told once a day."""
    found = entries(clients, caller.account, limit=limit, before=place_of(cursor))
    return AuditPage(
        entries=[AuditEntry.model_validate(entry) for entry in found], next_cursor=cursor_after(found, limit)
    )
