"""Readings as answers: the format that was asked for, validators for caches, and where the next page is."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote

import polars as pl
from fastapi import Depends, Query, Request, Response
from starlette.datastructures import Headers

from app.api.preferences import Wish, wishes
from app.core.clients import Clients
from app.domain.errors import InvalidRequest, NotAcceptable
from app.domain.text import Language, Text
from app.pipeline.audit import note_reading
from app.pipeline.reading import Page, Published
from app.pipeline.rendering import Format, render

MEDIA_TYPES: Final[Mapping[Format, str]] = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_MOST_ROWS: Final[Mapping[Format, int]] = {
    Format.JSON: 10_000,
    Format.CSV: 1_000_000,
    Format.PARQUET: 1_000_000,
    Format.XLSX: 100_000,
}
_TOO_MANY: Final = Text("limit: no máximo {most} em {kind}", "limit: at most {most} in {kind}")


def wanted_format(
    request: Request,
    format: Annotated[  # noqa: A002  the parameter's public name
        Format | None, Query(description="Instead of the `Accept` header, for a plain link.")
    ] = None,
) -> Format:
    """The format that was asked for.

    Raises:
        NotAcceptable: none of ours is.
    """
    return format or _negotiated(request.headers.get("accept", "*/*"))


Wanted = Annotated[Format, Depends(wanted_format)]
Limit = Annotated[
    int | None, Query(ge=1, le=max(_MOST_ROWS.values()), description="Rows a page; JSON up to 10 000, Excel 100 000.")
]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


def rows_wanted(limit: int | None, kind: Format, *, by_default: int) -> int:
    """Rows a page: JSON has a few unless more are asked for, a file has all it may.

    Raises:
        InvalidRequest: more than the format may have.
    """
    most = _MOST_ROWS[kind]
    if limit is not None and limit > most:
        raise InvalidRequest(problems=_TOO_MANY.format(most=most, kind=kind.value))
    return limit or (by_default if kind is Format.JSON else most)


def reading_responses() -> dict[int | str, dict[str, Any]]:
    """What a reading answers when all is well, for the OpenAPI document."""
    text = {"schema": {"type": "string"}}
    headers = {
        "ETag": text | {"description": "Of the run, the question and the format."},
        "Last-Modified": text | {"description": "When the run was published."},
        "Link": text | {"description": '`rel="next"`: the page after this one.'},
        "Quantyfy-Run": text | {"description": "Which run this is of, for formats that cannot say so themselves."},
    }
    return {
        200: {"description": "In the format that was asked for.", "content": file_contents(), "headers": headers},
        304: {"description": "What you have is what there is."},
    }


def file_contents() -> dict[str, Any]:
    """Every format but JSON, for the OpenAPI document."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {media: binary for kind, media in MEDIA_TYPES.items() if kind is not Format.JSON} | {
        MEDIA_TYPES[Format.CSV]: {"schema": {"type": "string"}}
    }


def as_csv(shown: Mapping[str, Any] | list[dict[str, Any]]) -> str:
    """The rows of a JSON answer as the same question answers them in CSV."""
    rows = shown["rows"] if isinstance(shown, Mapping) else shown
    return render(pl.DataFrame(rows), Format.CSV).decode()


def answer(  # noqa: PLR0913  a reading, who reads it and how
    request: Request,
    clients: Clients,
    what: Published,
    kind: Format,
    rows: Callable[[], Page],
    facts: Mapping[str, Any] | None = None,
    *,
    language: Language | None = None,
) -> Response:
    """The rows in the format asked for; unless the reader has them already, which is found out without reading any.

    `language` is of what the rows have sentences in; None: they have none, and are the same to every reader.
    """
    headers = _validators(request, what, kind, language)
    _write_down(request, clients, what)
    request.state.may_be_remembered = True
    request.state.run = str(what.run)  # for the log
    if is_fresh(request.headers, etag=headers["ETag"], modified=what.published_at):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    page = rows()
    if page.next_cursor is not None:
        following = request.url.include_query_params(cursor=page.next_cursor)
        headers["Link"] = f'<{quote(following.path)}?{following.query}>; rel="next"'
    body = render(page.rows, kind)
    if kind is Format.JSON:
        body = _enveloped(body, what.facts() | dict(facts or {}) | {"next_cursor": page.next_cursor})
    else:
        subject = request.url.path.split("/")[1]
        name = f"{subject}-{what.company.cnpj.text}-{what.last_day}.{kind.value}"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(body, media_type=MEDIA_TYPES[kind], headers=headers)


def is_fresh(headers: Headers | Mapping[str, str], *, etag: str, modified: datetime) -> bool:
    """Whether what the reader has is what there is (RFC 9110, 13.1.2 and 13.1.3)."""
    tags = headers.get("if-none-match")
    if tags is not None:
        return matches(tags, etag)
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
    except ValueError:
        return False
    return modified.replace(microsecond=0) <= (since if since.tzinfo else since.replace(tzinfo=UTC))


def matches(tags: str, etag: str) -> bool:
    """Whether an `If-None-Match` names the tag; weakly, as the header asks."""
    return tags.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in tags.split(",")}


def _validators(request: Request, what: Published, kind: Format, language: Language | None) -> dict[str, str]:
    asked = f"{what.fingerprint} {kind} {request.url.path} {request.url.query}"
    vary = "Accept, Accept-Encoding, Authorization, Cookie"
    told: dict[str, str] = {}
    if language is not None:
        asked += f" {language}"
        vary, told = f"{vary}, Accept-Language", {"Content-Language": language}
    tag = hashlib.sha256(asked.encode(errors="surrogateescape")).hexdigest()[:24]
    return told | {
        "ETag": f'"{tag}"',
        "Last-Modified": format_datetime(what.published_at.astimezone(UTC), usegmt=True),
        "Quantyfy-Run": str(what.run),
        "Cache-Control": "private, no-cache",
        "Vary": vary,
    }


def _write_down(request: Request, clients: Clients, what: Published) -> None:
    caller, subject = request.state.caller, what.company.cnpj.text
    kind = request.url.path.split("/")[1]
    note_reading(clients, caller.account, subject, actor=caller.actor, what=kind, now=datetime.now(UTC))


def _enveloped(rows: bytes, facts: Mapping[str, Any]) -> bytes:
    head = json.dumps(facts, default=_text, ensure_ascii=False).encode()
    return head[:-1] + b', "rows": ' + rows + b"}"


def _text(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _negotiated(accept: str) -> Format:
    """The format the reader prefers most; of equals, ours (JSON first)."""
    wanted = wishes(accept)
    ranked = sorted(MEDIA_TYPES, key=lambda kind: -_quality(MEDIA_TYPES[kind], wanted))
    if not _quality(MEDIA_TYPES[ranked[0]], wanted) > 0:  # nor NaN
        raise NotAcceptable(known=", ".join(MEDIA_TYPES.values()))
    return ranked[0]


def _quality(media: str, wanted: list[Wish]) -> float:
    """Of the most exact wish that covers it (RFC 9110, 12.5.1)."""
    family = media.partition("/")[0] + "/*"
    for name in (media, family, "*/*"):
        found = [wish.quality for wish in wanted if wish.name == name]
        if found:
            return max(found)
    return 0.0
