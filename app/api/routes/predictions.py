"""Forecasts of a company."""

from dataclasses import replace
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response

from app.api.answers import Wanted, answer, reading_responses
from app.api.asked import DaysAsked, in_order_of, rows_asked
from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import READING, problem_responses
from app.api.schemas.readings import Predictions
from app.domain.errors import InvalidRequest, StaleCursor
from app.domain.forecasts import Horizon, Level
from app.domain.text import Text
from app.pipeline import reading
from app.pipeline.reading.forecasts import DAILY_SORTS, TOTALS_SORTS

router = APIRouter(tags=["readings"])

_SORTS = tuple(sorted({*TOTALS_SORTS, *DAILY_SORTS}))
_SORTS_KNOWN: Final = Text("sort: esta visão ordena por {known}", "sort: this view sorts by {known}")
_DAYS_OF_TOTALS: Final = Text(
    "first_day, last_day: só valem com view=daily", "first_day, last_day: taken with view=daily alone"
)


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
    asked: Annotated[reading.Slice, Depends(rows_asked(by_default=300))],
    days: DaysAsked,
    view: Literal["totals", "daily"] = "totals",
    level: Level | None = None,
    horizon_days: Horizon | None = None,
    sort: Annotated[str | None, in_order_of(_SORTS)] = None,
) -> Response:
    """Totals of the next 30, 60 and 90 days, what earns most first; or, with `view=daily`, the days one by one.

    `horizon_days` is one horizon's totals, or its days; `first_day` and `last_day` are of `view=daily` alone.
    """
    _check(view, has_days=any(days), sort=sort)
    slice_ = replace(asked, level=level, sort=sort, **days._asdict())
    story = reading.daily if view == "daily" else reading.totals
    rows = lambda: story(clients, published, slice_, horizon_days=horizon_days)  # noqa: E731  read only if it must be
    return answer(request, clients, published, wanted, rows, {"view": view})


def _check(view: str, *, has_days: bool, sort: str | None) -> None:
    """What a view has not cannot be asked of it: nothing is passed over in silence.

    Raises:
        InvalidRequest: it is asked.
    """
    known = DAILY_SORTS if view == "daily" else TOTALS_SORTS
    if sort is not None and sort.removeprefix("-") not in known:
        raise InvalidRequest(problems=_SORTS_KNOWN.format(known=", ".join(known)))
    if has_days and view == "totals":
        raise InvalidRequest(problems=_DAYS_OF_TOTALS)
