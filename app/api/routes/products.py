"""Products of a company."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api.answers import Cursor, Id, Limit, Search, Wanted, answer, reading_responses, rows_wanted
from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import READING, problem_responses
from app.api.schemas.readings import Products
from app.domain.errors import StaleCursor
from app.pipeline import reading
from app.pipeline.reading.products import PRODUCTS_SORTS

router = APIRouter(tags=["readings"])


@router.get(
    "/products/{cnpj}",
    response_model=Products,
    responses=reading_responses() | problem_responses(*READING, StaleCursor),
)
def products(
    request: Request,
    published: Published,
    clients: ClientsOf,
    wanted: Wanted,
    id: Id = None,
    category: Annotated[str | None, Query(max_length=500)] = None,
    search: Search = None,
    sort: Annotated[
        str | None, Query(pattern=f"^-?({'|'.join(PRODUCTS_SORTS)})$", description="`-` before it: descending.")
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response:
    """Every product: ABC class, price, last sale, trend, what it will sell, how far to trust it; top earners first."""
    asked = reading.Slice(
        id=id,
        category=category,
        search=search,
        sort=sort,
        limit=rows_wanted(limit, wanted, by_default=100),
        cursor=cursor,
    )
    return answer(request, clients, published, wanted, lambda: reading.products(clients, published, asked))
