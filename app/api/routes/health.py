"""Is the process alive, and can it do its work."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.dependencies import ClientsOf
from app.api.limits import OpenRoute
from app.api.schemas.problems import problem_responses
from app.domain.errors import DatabaseBehind, ForeignDatabase, Unavailable
from app.pipeline.operation import require_ready

router = APIRouter(prefix="/health", tags=["health"], route_class=OpenRoute)


class Health(BaseModel):
    """One word."""

    status: Literal["alive", "ready"]


@router.get("/live", responses=problem_responses())
def live() -> Health:
    """The process answers."""
    return Health(status="alive")


@router.get("/ready", responses=problem_responses(Unavailable, DatabaseBehind, ForeignDatabase))
def ready(clients: ClientsOf) -> Health:
    """The database, at the version this code needs or a newer one, the queue and the lake answer.

    Where a worker is expected, one lives.
    """
    require_ready(clients)
    return Health(status="ready")
