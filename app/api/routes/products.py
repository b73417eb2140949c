"""Products of a company."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.api.answers import Wanted, answer, reading_responses
from app.api.asked import in_order_of, rows_asked
from app.api.dependencies import ClientsOf, Published
from app.api.problems import language_of
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
    asked: Annotated[reading.Slice, Depends(rows_asked(by_default=100))],
    sort: Annotated[str | None, in_order_of(PRODUCTS_SORTS)] = None,
) -> Response:
    """Every product: ABC class, price, last sale, trend, what it will sell, how far to trust it; top earners first."""
    slice_ = replace(asked, sort=sort)
    language = language_of(request)
    rows = lambda: reading.products(clients, published, slice_, language=language)  # noqa: E731  read only if it must be
    return answer(request, clients, published, wanted, rows, language=language)
