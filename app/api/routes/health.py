"""Is the process alive, and can it do its work."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from app.api.dependencies import ClientsOf
from app.api.schemas.problems import problem_responses
from app.domain.errors import AppError, Unavailable

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """One word."""

    status: Literal["alive", "ready"]


@router.get("/live", responses=problem_responses())
def live() -> Health:
    """The process answers."""
    return Health(status="alive")


@router.get("/ready", responses=problem_responses(Unavailable))
def ready(clients: ClientsOf) -> Health:
    """The database (which holds the queue, at the version this code needs) and the lake answer."""
    try:
        clients.database.check()
    except (SQLAlchemyError, RuntimeError) as error:
        raise Unavailable(part="PostgreSQL") from error
    try:
        clients.store.check()
    except (AppError, OSError) as error:
        raise Unavailable(part="S3") from error
    return Health(status="ready")
