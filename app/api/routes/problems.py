"""What the `type` of a problem leads to."""

from fastapi import APIRouter, Request

from app.api.limits import OpenRoute
from app.api.problems import language_of, status_of
from app.api.schemas.problems import ProblemKind, problem_responses
from app.domain.errors import InvalidRequest, UnknownRoute, by_code

router = APIRouter(prefix="/problems", tags=["problems"], route_class=OpenRoute)


@router.get("/{code}", responses=problem_responses(UnknownRoute, InvalidRequest))
def problem_kind(request: Request, code: str) -> ProblemKind:
    """What an error code means and how to mend it."""
    kind = by_code().get(code)
    if kind is None:
        raise UnknownRoute
    language = language_of(request)
    return ProblemKind(
        code=code,
        status=status_of(kind),
        title=kind.title(language),
        detail=kind.explanation.to(language),
    )
