"""Prometheus' view of the service."""

from contextlib import suppress

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import OperationalError

from app.api.dependencies import ClientsOf
from app.pipeline.operation import count_jobs

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(clients: ClientsOf) -> Response:
    """All metrics of this process and the queue's, in Prometheus' text format."""
    with suppress(OperationalError):  # a database that is away is seen by what is missing, and by `/health/ready`
        count_jobs(clients)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
