"""Past sales of a company."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app.api.answers import Cursor, Id, Limit, Search, Wanted, answer, reading_responses, rows_wanted
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
    period: Literal["daily", "weekly", "monthly"] = "daily",
    level: Literal[Level.COMPANY, Level.CATEGORY, Level.PRODUCT] = Level.COMPANY,
    id: Id = None,
    category: Annotated[str | None, Query(max_length=500, description="Only sales of this category.")] = None,
    first_day: date | None = None,
    last_day: Annotated[date | None, Query(description="Included.")] = None,
    search: Search = None,
    sort: Annotated[
        str | None, Query(pattern=f"^-?({'|'.join(SALES_SORTS)})$", description="`-` before it: descending.")
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response:
    """What was sold by day, week or month: of the company, of its categories or of its products."""
    asked = reading.Slice(
        level=level,
        id=id,
        category=category,
        search=search,
        first_day=first_day,
        last_day=last_day,
        sort=sort,
        limit=rows_wanted(limit, wanted, by_default=1000),
        cursor=cursor,
    )
    rows = lambda: reading.sales(clients, published, asked, period=period)  # noqa: E731  read only if it must be
    return answer(request, clients, published, wanted, rows, {"period": period})
