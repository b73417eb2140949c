"""What the handlers share: the shape of an event, clients opened once for a function's life, a log of what was told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Literal, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from pydantic import BaseModel, Field

from app.bootstrap import opened_for_good
from app.core.clients import Clients
from app.core.config import Settings
from app.pipeline.handing import ReceiptLayer, follow_missed
from app.utils import logger

Answer = dict[str, str | int | None]
Story = Callable[..., UUID | None]


class Context(Protocol):
    """What the runtime tells of an invocation; retries of one event share the id."""

    aws_request_id: str


class Bucket(BaseModel):
    """Where it happened."""

    name: str


class Object(BaseModel):
    """What it happened to. EventBridge gives the key as it is, not encoded as S3's own notifications do."""

    key: str = Field(min_length=1)


class Detail(BaseModel):
    """The part of an event that S3 writes."""

    bucket: Bucket
    object: Object


class ObjectCreated(BaseModel):
    """An event of EventBridge: S3 has a new object."""

    source: Literal["aws.s3"]
    detail_type: Literal["Object Created"] = Field(alias="detail-type")
    detail: Detail


def tell(event: object, context: Context, story: Story) -> Answer:
    """Tell the story of the object an event speaks of; answers with its upload.

    Raises:
        ValueError: the event is none of ours (pydantic's `ValidationError` is one), or its object is not.
    """
    clients, settings = _opened()
    key = key_of(event, lake=settings.lake)
    with _logged(context, key=key) as answer:
        upload = story(clients, key, now=datetime.now(UTC))
        answer["upload"] = str(upload) if upload else None
    return answer


def tell_missed(layer: ReceiptLayer, context: Context, story: Callable[..., None]) -> Answer:
    """The nightly round: whatever event was lost, its receipt is still in the lake.

    Raises:
        ExceptionGroup: some receipts could not be followed, named with their reasons; the others were.
    """
    clients, _ = _opened()
    with _logged(context, layer=layer) as answer:
        answer["receipts"] = follow_missed(clients, layer, story=story, now=datetime.now(UTC))
    return answer


def is_nightly(event: object) -> bool:
    """Whether this is the schedule's event, not S3's."""
    return isinstance(event, dict) and event.get("source") == "aws.events"


def key_of(event: object, *, lake: str) -> str:
    """The key, seen from the lake's root, of the object that an event speaks of.

    Raises:
        ValueError: the event is malformed, or of an object outside the lake.
    """
    created = ObjectCreated.model_validate(event).detail
    root = urlsplit(lake)
    prefix = f"{root.path.strip('/')}/".removeprefix("/")
    if created.bucket.name != root.netloc or not created.object.key.startswith(prefix):
        raise ValueError(f"not an object of {lake}: s3://{created.bucket.name}/{created.object.key}")
    return created.object.key.removeprefix(prefix)


@contextmanager
def _logged(context: Context, **what: str) -> Iterator[Answer]:
    """One line when a story begins and one when it ends, with the answer that it left or the reason of its failure."""
    answer: Answer = {}
    with structlog.contextvars.bound_contextvars(request=context.aws_request_id, **what):
        log = logger.get_logger()
        log.info("function begins")
        try:
            yield answer
        except Exception as error:
            log.warning("function failed", error=type(error).__name__, exc_info=error)
            raise
        log.info("function done", **answer)


@cache
def _opened() -> tuple[Clients, Settings]:
    settings = Settings()
    logger.configure(style=settings.log_format, level=settings.log_level)
    return opened_for_good(settings), settings
