"""Structured logs: one JSON object a line, or lines for people. No payload, no personal data, no secret."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Lines(logging.StreamHandler[TextIO]):
    """Standard error as it is when a line is written: who runs a command inside a program lends it one for a while."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _JsonLines(_Lines):
    """Where lines go as JSON."""


def configure(*, style: Literal["json", "console"], level: str) -> None:
    """Send our own lines and the libraries' to standard error, in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = _JsonLines() if style == "json" else _Lines()
    handler.setLevel(_LEVELS[level])
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.INFO))
    for chatty in ("procrastinate", "alembic", "cmdstanpy", "prophet", "httpx2", "numba"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Says, as an error, that plots we never draw cannot be interactive.
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)


def request_line(**facts: object) -> None:
    """As `get_logger().info("request", ...)`, for the line that every request has to afford (a tenth of its time)."""
    handler = logging.getLogger().handlers[0] if logging.getLogger().handlers else None
    if not isinstance(handler, _JsonLines):
        get_logger().info("request", **facts)
        return
    if handler.level <= logging.INFO:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        handler.stream.write(json.dumps({"event": "request", **facts, "level": "info", "timestamp": now}) + "\n")
        handler.stream.flush()


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of this service; context (request, upload, run) is bound with `structlog.contextvars`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
