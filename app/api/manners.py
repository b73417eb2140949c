"""What every answer carries and every request is held to: the version, the size of headers, what a browser may do."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem
from app.domain.errors import AddressTooLong, AppError, HeadersTooLarge, UnknownVersion

VERSIONS: Final = ("2026-11-22",)  # see docs/decisions: the date is that of the last incompatible change
_HEADER_LIMIT_KB: Final = 16
_ADDRESS_LIMIT_KB: Final = 8

_ALWAYS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"quantyfy-version", VERSIONS[-1].encode()),
]
# Unless a route says otherwise: an answer may load nothing, and nobody on its way keeps it.
_BY_DEFAULT: Final = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    b"cache-control": b"no-store",
    b"referrer-policy": b"no-referrer",
}


class Manners:
    """Refuses what is out of bounds, and adds the headers that keep browsers from doing harm.

    A page that has a policy of its own keeps it; everything else may load nothing and be framed and kept nowhere.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_ALWAYS, *_left_out(message)]
            await send(message)

        refusal = _refusal(scope)
        answer: ASGIApp = self._app if refusal is None else problem(Request(scope), refusal)
        await answer(scope, receive, dressed)


def _refusal(scope: Scope) -> AppError | None:
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"quantyfy-version" and value.decode("latin-1") not in VERSIONS:
            return UnknownVersion(version=value.decode("latin-1")[:40], known=", ".join(VERSIONS))
    if size > _HEADER_LIMIT_KB * 1000:
        return HeadersTooLarge(limit_kb=_HEADER_LIMIT_KB)
    address = len(scope["raw_path"]) + len(scope["query_string"])
    return AddressTooLong(limit_kb=_ADDRESS_LIMIT_KB) if address > _ADDRESS_LIMIT_KB * 1000 else None


def _left_out(message: Mapping[str, list[tuple[bytes, bytes]]]) -> list[tuple[bytes, bytes]]:
    said = {name for name, _ in message["headers"]}
    return [pair for pair in _BY_DEFAULT.items() if pair[0] not in said]
