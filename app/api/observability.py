"""One line and one measurement a request, with an id that the caller sees too."""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.utils.logger import request_line
from app.utils.metrics import REQUESTS

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Observed:
    """Names each request (or takes the caller's `X-Request-Id`) and measures it by route template.

    One line of log says how it ended, without payload, query or path.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, start, status = _request_id(scope), perf_counter(), 500
        state = scope.setdefault("state", {})

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                rates = state.get("rate_headers", ())
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode()), *rates]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, named)
            finally:
                self._note(scope, request_id, status=status, seconds=perf_counter() - start)

    def _note(self, scope: Scope, request_id: str, *, status: int, seconds: float) -> None:
        # The template, never the path: a CNPJ is not a label.
        route = getattr(scope.get("route"), "path", "unknown")
        REQUESTS.labels(scope["method"], route, str(status)).observe(seconds)
        facts = {"request_id": request_id, "method": scope["method"], "route": route, "status": status}
        if "run" in scope["state"]:
            facts["run_id"] = scope["state"]["run"]
        request_line(**facts, seconds=round(seconds, 4))


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else uuid4().hex
