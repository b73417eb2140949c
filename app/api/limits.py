"""How large a request may be, how slowly it may come, how long its answer may take: held to while it goes on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple, cast

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem
from app.domain.errors import AppError, BodyTooLarge, TookTooLong, TooSlow, UploadTooLarge

# Boundaries, headings and the small fields of a multipart body around the files themselves.
_ENVELOPE_BYTES: Final = 64 * 1024
_NO_FILES_BYTES: Final = 64 * 1024  # what a route may be sent that asks for no files
_OF_STRANGERS_BYTES: Final = 8 * 1024  # what a route may be sent that asks for no key
_PACE: Final = 10_000  # bytes a second that a body must keep up with on the average: less is an attack, or no use
_LINGER_S: Final = 1.0
_LINGER_BYTES: Final = 1 << 20


class Patience(NamedTuple):
    """How long we wait, in seconds."""

    pause: float = 30.0  # for the next piece of a body, and for a body that lags behind its pace
    answer: float = 1800.0  # from the first byte of a request to the first of its answer


class Bounds:
    """Refuses a body with too many bytes, one that stops or drips, and what takes too long.

    Who is answered before the whole body has come is not listened to any further. An answer that has begun (events, a
    long download) may take the time it needs.
    """

    def __init__(self, app: ASGIApp, *, patience: Patience) -> None:
        self._app = app
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(Request(scope), receive, send, self._patience)
        scope["state"]["body"] = exchange.body
        try:
            await self._app(scope, exchange.body.receive, exchange.send)
        except AppError:
            if exchange.body.refusal is None:
                raise
        finally:
            await exchange.end()


class Body:
    """One body on its way in."""

    def __init__(self, request: Request, receive: Receive, patience: Patience) -> None:
        self._receive = receive
        self._patience = patience
        self._allowed = _NO_FILES_BYTES
        self._too_large: AppError = BodyTooLarge(limit_kb=_NO_FILES_BYTES // 1024)
        announced = request.headers.get("content-length", "0")
        self._announced = int(announced) if announced.isdecimal() else 0
        self._until = asyncio.get_running_loop().time() + patience.answer
        self._waited = 0.0
        self._taken = 0
        self._is_over = self._announced == 0 and "transfer-encoding" not in request.headers
        self.is_awaited = False
        self.refusal: AppError | None = None

    def allow(self, limit_bytes: int) -> None:
        """The body may have files, so many bytes of them."""
        self._allowed = limit_bytes + _ENVELOPE_BYTES
        self._too_large = UploadTooLarge(limit_mb=limit_bytes // 1_000_000)

    def hold_to(self, limit_bytes: int) -> None:
        """The body may have so many bytes at most, and no files."""
        self._allowed = limit_bytes
        self._too_large = BodyTooLarge(limit_kb=limit_bytes // 1024)

    @property
    def has_more(self) -> bool:
        """Whether so much is still to come that reading it is no courtesy."""
        return not self._is_over and not 0 < self._announced - self._taken <= _ENVELOPE_BYTES

    async def receive(self) -> Message:
        """The next piece; after the last, only whether the reader has gone."""
        if self._is_over:
            return await self._receive()
        self._hold_to_size(self._announced)
        message = await self._next()
        self._is_over = not message.get("more_body", False)
        self._taken += len(message.get("body", b""))
        self._hold_to_size(self._taken)
        return message

    def _hold_to_size(self, size: int) -> None:
        if size > self._allowed:
            self._refuse(self._too_large)

    async def _next(self) -> Message:
        """Time counts while we wait for the sender, not while the sender waits for us."""
        clock = asyncio.get_running_loop().time
        began, self.is_awaited = clock(), True
        lag = self._waited - self._taken / _PACE
        try:
            left = min(self._patience.pause, self._patience.pause - lag, self._until - began)
            return await asyncio.wait_for(self._receive(), left)
        except TimeoutError:
            self._refuse(TooSlow(seconds=round(self._patience.pause)))
            raise
        finally:
            self._waited += clock() - began
            self.is_awaited = False

    def _refuse(self, error: AppError) -> None:
        self.refusal = error
        raise error


def body_of(request: Request) -> Body:
    """The body of a request, before anything of it was read."""
    return cast("Body", request.state.body)


class OpenRoute(APIRoute):
    """A route that asks for no key, as where people sign in: whoever they are, they send little.

    The limit is set before FastAPI reads the body: who may ask is looked at only after it was read.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, behind its limit."""
        handle = super().get_route_handler()

        async def held(request: Request) -> Response:
            body_of(request).hold_to(_OF_STRANGERS_BYTES)
            return await handle(request)

        return held


class _Exchange:
    """One request and its answer."""

    def __init__(self, request: Request, receive: Receive, send: Send, patience: Patience) -> None:
        self._request = request
        self._receive = receive
        self._send = send
        self.body = Body(request, receive, patience)
        self._has_begun = False
        self._closes = False
        self._telling: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(patience.answer, self._expire)

    async def send(self, message: Message) -> None:
        """A message of the application's answer, unless the request was refused meanwhile."""
        if self.body.refusal is None and self._telling is None:
            await self._pass_on(message)

    async def end(self) -> None:
        """Say why the request was refused, if it was, whatever the application has made of that."""
        self._timer.cancel()
        if self._telling is not None:
            await self._telling
        elif self.body.refusal is not None and not self._has_begun:
            await self._tell(self.body.refusal)

    def _expire(self) -> None:
        """Answer for an application that does not: its work goes on, and nobody hears what it says."""
        if not self._has_begun and not self.body.is_awaited:  # a body that is waited for has the same limit
            self._telling = asyncio.get_running_loop().create_task(self._tell(TookTooLong()))

    async def _tell(self, error: AppError) -> None:
        await problem(self._request, error)(self._request.scope, self._receive, self._pass_on)

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._timer.cancel()
            self._has_begun, self._closes = True, self.body.has_more
            closing = [(b"connection", b"close")] if self._closes else []
            await self._send({**message, "headers": [*message.get("headers", []), *closing]})
        elif self._closes and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            await self._send({"type": "http.response.body", "body": b""})
        else:
            await self._send(message)

    async def _linger(self) -> None:
        """A line that is cut while the sender still sends may take the answer with it: a little more is let in."""
        clock, taken = asyncio.get_running_loop().time, 0
        until, more = clock() + _LINGER_S, True
        while more and taken < _LINGER_BYTES:
            try:
                message = await asyncio.wait_for(self._receive(), until - clock())
            except TimeoutError:
                return
            taken += len(message.get("body", b""))
            more = message.get("more_body", False)
