"""Forecasts of a company."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app.api.answers import Cursor, Id, Limit, Search, Wanted, answer, reading_responses, rows_wanted
from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import READING, problem_responses
from app.api.schemas.readings import Predictions
from app.domain.errors import InvalidRequest, StaleCursor
from app.domain.forecasts import Horizon, Level
from app.pipeline import reading
from app.pipeline.reading.forecasts import DAILY_SORTS, TOTALS_SORTS

router = APIRouter(tags=["readings"])

_SORTS = sorted({*TOTALS_SORTS, *DAILY_SORTS})


@router.get(
    "/predictions/{cnpj}",
    response_model=Predictions,
    responses=reading_responses() | problem_responses(*READING, StaleCursor),
)
def predictions(
    request: Request,
    published: Published,
    clients: ClientsOf,
    wanted: Wanted,
    view: Literal["totals", "daily"] = "totals",
    level: Level | None = None,
    id: Id = None,
    category: Annotated[str | None, Query(max_length=500, description="The category and its products.")] = None,
    horizon_days: Horizon | None = None,
    first_day: Annotated[date | None, Query(description="Of `view=daily`.")] = None,
    last_day: Annotated[date | None, Query(description="Of `view=daily`; included.")] = None,
    search: Search = None,
    sort: Annotated[
        str | None, Query(pattern=f"^-?({'|'.join(_SORTS)})$", description="A column; `-` before it: descending.")
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response:
    """Totals of the next 30, 60 and 90 days, what earns most first; or, with `view=daily`, the days one by one."""
    known = DAILY_SORTS if view == "daily" else TOTALS_SORTS
    if sort is not None and sort.removeprefix("-") not in known:
        raise InvalidRequest(problems=f"sort: {', '.join(known)}")
    asked = reading.Slice(
        level=level,
        id=id,
        category=category,
        search=search,
        first_day=first_day,
        last_day=last_day,
        sort=sort,
        limit=rows_wanted(limit, wanted, by_default=300),
        cursor=cursor,
    )
    rows = (
        (lambda: reading.daily(clients, published, asked))
        if view == "daily"
        else (lambda: reading.totals(clients, published, asked, horizon_days=horizon_days))
    )
    return answer(request, clients, published, wanted, rows, {"view": view})
