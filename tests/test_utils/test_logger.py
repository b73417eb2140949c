"""Logs: one JSON object a line, to standard error as it is then."""

import contextlib
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.utils.logger import configure, get_logger, request_line


@pytest.fixture
def own_logging() -> Iterator[None]:
    """What a test configures ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("own_logging")
def test_lines_go_on_when_the_stream_of_the_start_is_gone() -> None:
    with io.StringIO() as lent, contextlib.redirect_stderr(lent):
        configure(style="json", level="info")
        request_line(route="/first")
        assert json.loads(lent.getvalue())["route"] == "/first"
    with io.StringIO() as now, contextlib.redirect_stderr(now):
        request_line(route="/second")
        get_logger().info("third")
        assert [json.loads(line)["event"] for line in now.getvalue().splitlines()] == ["request", "third"]
