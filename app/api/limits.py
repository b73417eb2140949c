"""How large a request may be and how slowly it may come, held to while it arrives."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem
from app.domain.errors import AppError, TooSlow, UploadTooLarge

# Boundaries, headings and the small fields of a multipart body around the files themselves.
_ENVELOPE_BYTES: Final = 64 * 1024
_PATIENCE_S: Final = 30.0  # between two pieces: a line that gives nothing for so long is dead, or an attack


class BodyLimit:
    """Refuses a body that announces, or turns out to have, too many bytes, or stops half-way; nothing of it is kept."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int, patience_s: float = _PATIENCE_S) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        body = _Body(receive, allowed=self._limit_bytes, patience_s=self._patience_s)
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limit_bytes + _ENVELOPE_BYTES:
            await problem(request, body.too_large)(scope, receive, send)
            return

        async def unless_refused(message: Message) -> None:
            if body.refusal is None:
                await send(message)

        try:
            await self._app(scope, body.receive, unless_refused)
        except AppError:
            if body.refusal is None:
                raise
        if body.refusal is not None:  # whatever the reader of the body made of it
            await problem(request, body.refusal)(scope, receive, send)


class _Body:
    """One body on its way in."""

    def __init__(self, receive: Receive, *, allowed: int, patience_s: float) -> None:
        self._receive = receive
        self._allowed = allowed
        self._patience_s = patience_s
        self._taken = 0
        self._is_whole = False
        self.refusal: AppError | None = None

    @property
    def too_large(self) -> AppError:
        """What is said of a body over the limit."""
        return UploadTooLarge(limit_mb=self._allowed // 1_000_000)

    async def receive(self) -> Message:
        """The next piece; after the last, only whether the reader has gone."""
        if self._is_whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._patience_s)
        except TimeoutError:
            self.refusal = TooSlow(seconds=round(self._patience_s))
            raise self.refusal from None
        self._is_whole = not message.get("more_body", False)
        self._taken += len(message.get("body", b""))
        if self._taken > self._allowed + _ENVELOPE_BYTES:
            self.refusal = self.too_large
            raise self.refusal
        return message
