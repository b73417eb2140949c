"""Forecasts of a company."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import problem_responses
from app.api.schemas.readings import Predictions
from app.domain.forecasts import Horizon, Level
from app.pipeline import reading

router = APIRouter(tags=["readings"])


@router.get("/predictions/{cnpj}", responses=problem_responses(401, 404, 409, 422, 503))
def predictions(
    published: Published,
    clients: ClientsOf,
    view: Literal["totals", "daily"] = "totals",
    level: Level | None = None,
    id: Annotated[str | None, Query(description="CNPJ, category or SKU")] = None,
    horizon_days: Horizon | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 300,
    cursor: str | None = None,
) -> Predictions:
    """Totals of the next 30, 60 and 90 days, what earns most first; or, with `view=daily`, the days one by one."""
    wanted = reading.Slice(level=level, id=id, limit=limit, cursor=cursor)
    if view == "daily":
        page = reading.daily(clients, published, wanted)
    else:
        page = reading.totals(clients, published, wanted, horizon_days=horizon_days)
    facts = published.facts() | {"view": view, "rows": page.rows.to_dicts(), "next_cursor": page.next_cursor}
    return Predictions.model_validate(facts)
