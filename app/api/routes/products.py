"""Products of a company."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import problem_responses
from app.api.schemas.readings import Products
from app.pipeline import reading

router = APIRouter(tags=["readings"])


@router.get("/products/{cnpj}", responses=problem_responses(401, 404, 409, 422, 503))
def products(
    published: Published,
    clients: ClientsOf,
    id: Annotated[str | None, Query(description="SKU")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    cursor: str | None = None,
) -> Products:
    """Every product with its name, category, what it will sell, and how far to trust it; what earns most first."""
    page = reading.products(clients, published, reading.Slice(id=id, limit=limit, cursor=cursor))
    return Products.model_validate(published.facts() | {"rows": page.rows.to_dicts(), "next_cursor": page.next_cursor})
