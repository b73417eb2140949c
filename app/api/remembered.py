"""Readings answered from memory: what one caller asked is the same until PostgreSQL announces a change to the account.

Nothing is remembered for over a minute, so that a key's last use and the audit log stay true, and nothing at all while
announcements cannot be heard.
"""

import hashlib
from collections import OrderedDict, defaultdict
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.answers import matches
from app.core.changes import Changes
from app.pipeline.access import Caller

if TYPE_CHECKING:
    from app.api.rates import Rates

_LASTS_S: Final = 60.0
_LARGEST: Final = 1 << 20
_ALL: Final = 64 << 20
_TABLES: Final = frozenset({"published", "companies", "api_keys", "user_sessions"})
_ASKED_BY: Final = (b"authorization", b"cookie", b"accept", b"accept-language", b"quantyfy-version")
_NOT_WITH_304: Final = frozenset({b"content-length", b"content-type", b"content-disposition"})

Question = bytes


class _Answer(NamedTuple):
    caller: Caller
    etag: str
    headers: list[tuple[bytes, bytes]]
    body: bytes | None  # None: only that the reader has it already was asked
    route: object
    run: str
    until: float


class Answers:
    """The answers given last, up to a size, forgotten by account."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._lock = Lock()
        self._size = 0
        self._answers: OrderedDict[Question, _Answer] = OrderedDict()
        self._of_account: defaultdict[UUID, set[Question]] = defaultdict(set)
        self.generation = 0  # of what is known: an answer begun before a change must not be kept after it
        changes.subscribe(self._changed, interrupted=self._forget_all)

    def find(self, question: Question) -> _Answer | None:
        """The answer to a question, if it may still be given."""
        known = self._answers.get(question)
        if known is None or known.until < monotonic():
            return None
        expires = known.caller.expires_at
        return known if expires is None or expires > datetime.now(UTC) else None

    def keep(self, question: Question, given: _Answer, *, generation: int) -> None:
        """Remember an answer, unless something has changed since it was begun."""
        with self._lock:
            if generation != self.generation or not self._changes.is_listening:
                return
            known = self._answers.get(question)
            # What the reader has already is what is remembered whole: that stays, and lasts on.
            if given.body is None and known is not None and known.etag == given.etag:
                given = known._replace(caller=given.caller, until=given.until)
            self._drop(question)
            self._answers[question] = given
            self._of_account[given.caller.account].add(question)
            self._size += len(given.body or b"")
            while self._size > _ALL:
                self._drop(next(iter(self._answers)))

    def _drop(self, question: Question) -> None:
        known = self._answers.pop(question, None)
        if known is not None:
            self._size -= len(known.body or b"")
            mine = self._of_account[known.caller.account]
            mine.discard(question)
            if not mine:
                del self._of_account[known.caller.account]

    def _changed(self, table: str, account: UUID) -> None:
        if table in _TABLES:
            with self._lock:
                self.generation += 1
                for question in tuple(self._of_account.get(account, ())):
                    self._drop(question)

    def _forget_all(self) -> None:
        with self._lock:
            self.generation += 1
            self._answers.clear()
            self._of_account.clear()
            self._size = 0


class Remembered:
    """Answers from memory what may be, and remembers what routes say may be."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        answers: Answers = scope["app"].state.answers
        question, tags = _question(scope)
        known = answers.find(question)
        if known is not None and _is_enough(known, tags) and _may_take(scope, known):
            scope["route"], scope["state"]["run"] = known.route, known.run  # for the metrics and the log
            await _send(known, tags, send)
        else:
            await self._ask(scope, receive, send, _Memo(answers, question))

    async def _ask(self, scope: Scope, receive: Receive, send: Send, memo: "_Memo") -> None:
        async def noting(message: Message) -> None:
            memo.note(scope, message)
            await send(message)

        await self._app(scope, receive, noting)


class _Memo:
    """Takes down one answer while it is sent."""

    def __init__(self, answers: Answers, question: Question) -> None:
        self._answers = answers
        self._question = question
        self._generation = answers.generation
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._is_whole = True

    def note(self, scope: Scope, message: Message) -> None:
        """One message of the answer."""
        if message["type"] == "http.response.start":
            may = message["status"] in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}
            self._headers = list(message["headers"]) if may and scope["state"].get("may_be_remembered") else None
            self._is_whole = message["status"] == HTTPStatus.OK
            return
        body = message.get("body", b"")
        if self._headers is not None and not message.get("more_body", False) and len(body) <= _LARGEST:
            said = self._answer(scope, body if self._is_whole else None)
            self._answers.keep(self._question, said, generation=self._generation)

    def _answer(self, scope: Scope, body: bytes | None) -> _Answer:
        headers = self._headers or []
        etag = next(value.decode() for name, value in headers if name == b"etag")
        until = monotonic() + _LASTS_S
        state = scope["state"]
        return _Answer(state["caller"], etag, headers, body, scope.get("route"), state["run"], until)


def _question(scope: Scope) -> tuple[Question, str | None]:
    """What tells one answer from another, hashed because a key is in it; and the tags the reader has."""
    asked = [scope["raw_path"], scope["query_string"]]
    tags = None
    for name, value in scope["headers"]:
        if name in _ASKED_BY:
            asked += (name, value)
        elif name == b"if-none-match":
            tags = value.decode("latin-1")
        elif name == b"if-modified-since":
            asked.append(value)
    return hashlib.sha256(b"\0".join(asked)).digest(), tags


def _is_enough(known: _Answer, tags: str | None) -> bool:
    return known.body is not None or (tags is not None and matches(tags, known.etag))


def _may_take(scope: Scope, known: _Answer) -> bool:
    """Whether a token is at hand; otherwise the way through the routes fetches some, or refuses in our words."""
    rates: Rates = scope["app"].state.rates
    return rates.spend(scope, known.caller)


async def _send(known: _Answer, tags: str | None, send: Send) -> None:
    if tags is not None and matches(tags, known.etag):
        kept = [pair for pair in known.headers if pair[0] not in _NOT_WITH_304]
        await send({"type": "http.response.start", "status": 304, "headers": kept})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": known.headers})
    await send({"type": "http.response.body", "body": known.body or b""})
