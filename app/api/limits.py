"""How large a request may be, held to while it arrives."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem
from app.domain.errors import UploadTooLarge

# Boundaries, headings and the small fields of a multipart body around the files themselves.
_ENVELOPE_BYTES = 64 * 1024


class BodyLimit:
    """Refuses a body that announces, or turns out to have, more bytes than allowed; nothing of it is kept."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = UploadTooLarge(limit_mb=self._limit_bytes // 1_000_000)
        allowed = self._limit_bytes + _ENVELOPE_BYTES
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > allowed:
            await problem(request, refusal)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > allowed:
                raise refusal
            return message

        await self._app(scope, counted, send)
