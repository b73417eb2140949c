"""HEAD of a reading: what GET would answer, without its body (RFC 9110, 9.3.2).

Not by the routes: FastAPI would describe each of them twice. The document says it once, in words.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Not the rest: an export, a stream of events or a page of ours is asked for to be had.
_READINGS: Final = frozenset({"predictions", "products", "sales", "accuracy", "runs"})


class Heads:
    """Asks for the whole reading and keeps its body back; it is remembered, counted and noted as if it were read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or not is_reading(scope):
            await self._app(scope, receive, send)
            return

        async def bodiless(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        whole = {**scope, "method": "GET"}  # the server's own scope says HEAD still: it counts the body by that
        try:
            await self._app(whole, receive, bodiless)
        finally:
            if "route" in whole:  # for the metrics and the log
                scope["route"] = whole["route"]


def is_reading(scope: Scope) -> bool:
    """Whether what is asked for has a HEAD."""
    return str(scope["path"]).removeprefix("/").partition("/")[0] in _READINGS
