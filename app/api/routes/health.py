"""Is the process alive, and can it do its work."""

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from app.api.dependencies import ClientsOf
from app.api.schemas.problems import problem_responses
from app.domain.errors import AppError, Unavailable

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/ready", responses=problem_responses(503))
def ready(clients: ClientsOf) -> dict[str, str]:
    """The database (which holds the queue, at the version this code needs) and the lake answer."""
    try:
        clients.database.check()
    except (SQLAlchemyError, RuntimeError) as error:
        raise Unavailable(part="PostgreSQL") from error
    try:
        clients.store.check()
    except (AppError, OSError) as error:
        raise Unavailable(part="S3") from error
    return {"status": "ready"}
