"""Past sales of a company."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response

from app.api.answers import Wanted, answer, reading_responses
from app.api.asked import DaysAsked, in_order_of, rows_asked
from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import READING, problem_responses
from app.api.schemas.readings import Sales
from app.domain.errors import StaleCursor
from app.domain.forecasts import Level
from app.pipeline import reading
from app.pipeline.reading.sales import SALES_SORTS

router = APIRouter(tags=["readings"])


@router.get(
    "/sales/{cnpj}",
    response_model=Sales,
    responses=reading_responses() | problem_responses(*READING, StaleCursor),
)
def sales(
    request: Request,
    published: Published,
    clients: ClientsOf,
    wanted: Wanted,
    asked: Annotated[reading.Slice, Depends(rows_asked(by_default=1000))],
    days: DaysAsked,
    period: Literal["daily", "weekly", "monthly"] = "daily",
    level: Literal[Level.COMPANY, Level.CATEGORY, Level.PRODUCT] = Level.COMPANY,
    sort: Annotated[str | None, in_order_of(SALES_SORTS)] = None,
) -> Response:
    """What was sold by day, week or month: of the company, of its categories or of its products."""
    slice_ = replace(asked, level=level, sort=sort, **days._asdict())
    rows = lambda: reading.sales(clients, published, slice_, period=period)  # noqa: E731  read only if it must be
    return answer(request, clients, published, wanted, rows, {"period": period})
