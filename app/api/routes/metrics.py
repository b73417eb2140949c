"""Prometheus' view of the service."""

from contextlib import suppress
from typing import Any, Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import OperationalError

from app.api.dependencies import ClientsOf
from app.api.limits import OpenRoute
from app.pipeline.operation import count_jobs

router = APIRouter(tags=["health"], route_class=OpenRoute)

_SAMPLE: Final = 'quantyfy_http_request_seconds_count{method="GET",route="/predictions/{cnpj}",status="200"} 17.0\n'
_TEXT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _SAMPLE}}}
}


@router.get("/metrics", response_class=Response, responses=_TEXT)
def metrics(clients: ClientsOf) -> Response:
    """All metrics of this process and the queue's, in Prometheus' text format."""
    with suppress(OperationalError):  # a database that is away is seen by what is missing, and by `/health/ready`
        count_jobs(clients)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
