"""Past sales of a company."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import problem_responses
from app.api.schemas.readings import Sales
from app.domain.forecasts import Level
from app.pipeline import reading

router = APIRouter(tags=["readings"])


@router.get("/sales/{cnpj}", responses=problem_responses(401, 404, 409, 422, 503))
def sales(
    published: Published,
    clients: ClientsOf,
    period: Literal["daily", "weekly", "monthly"] = "daily",
    level: Literal[Level.COMPANY, Level.CATEGORY, Level.PRODUCT] = Level.COMPANY,
    id: Annotated[str | None, Query(description="CNPJ, category or SKU")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: str | None = None,
) -> Sales:
    """What was sold by day, week or month: of the company, of its categories or of its products."""
    page = reading.sales(
        clients, published, reading.Slice(level=level, id=id, limit=limit, cursor=cursor), period=period
    )
    facts = published.facts() | {"period": period, "rows": page.rows.to_dicts(), "next_cursor": page.next_cursor}
    return Sales.model_validate(facts)
