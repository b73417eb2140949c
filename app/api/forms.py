"""Multipart forms, written to disk as they come: a file of any size costs one piece of memory."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from app.domain.errors import IncompleteRequest, InvalidRequest, UnsupportedContent
from app.domain.text import Text

FORM: Final = "multipart/form-data"
_MOST_PARTS: Final = 40
_FIELDS_BYTES: Final = 1_000_000
_MALFORMED: Final = Text(
    "o corpo não é um formulário multipart bem formado", "the body is no well-formed multipart form"
)
_BOUNDARY: Final = Text("Content-Type: faltou o boundary, ou não vale", "Content-Type: no boundary, or no valid one")
_NAMELESS: Final = Text("Content-Disposition: faltou o name de uma parte", "Content-Disposition: a part has no name")
_TOO_MANY: Final = Text("o formulário pode ter no máximo {most} partes", "the form may have at most {most} parts")
_TOO_LONG: Final = Text(
    "os campos sem arquivo podem ter no máximo {most} bytes", "fields without a file may have at most {most} bytes"
)


class SentFile(NamedTuple):
    """A file of a form; `name` is the sender's, `path` is ours."""

    field: str
    name: str
    path: Path


class Form(NamedTuple):
    """What a form says, and its files."""

    fields: dict[str, str]
    files: list[SentFile]


async def read_form(request: Request, folder: Path) -> Form:
    """The form in the request's body; its files are written to `folder`.

    Raises:
        UnsupportedContent: the body is no form.
        InvalidRequest: it is not well formed, or has too many parts.
        IncompleteRequest: it ends before its end.
    """
    form = _Form(folder)
    parser = _parser(request, form)
    try:
        async for piece in pieces_of(request):
            await run_in_threadpool(parser.write, piece)
    except FormParserError as error:
        raise InvalidRequest(problems=_MALFORMED) from error
    finally:
        form.close()
    if not form.is_whole:
        raise IncompleteRequest
    return Form(form.fields, form.files)


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises:
        IncompleteRequest: the sender has gone before it was whole.
    """
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect as error:
        raise IncompleteRequest from error


def _parser(request: Request, form: "_Form") -> MultipartParser:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != FORM.encode():
        raise UnsupportedContent(known=FORM)
    try:
        return MultipartParser(
            options[b"boundary"],
            {
                "on_header_field": form.on_header_name,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_headers_finished": form.on_part,
                "on_part_data": form.on_content,
                "on_part_end": form.on_part_end,
                "on_end": form.on_end,
            },
        )
    except (KeyError, FormParserError) as error:
        raise InvalidRequest(problems=_BOUNDARY) from error


class _Form:
    """What the parser tells of a form, kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._header_name, self._header_value = b"", b""
        self._disposition = b""
        self._field = ""
        self._content = bytearray()
        self._file: IO[bytes] | None = None
        self._parts, self._left = 0, _FIELDS_BYTES
        self.fields: dict[str, str] = {}
        self.files: list[SentFile] = []
        self.is_whole = False

    def on_header_name(self, piece: bytes, start: int, end: int) -> None:
        self._header_name += piece[start:end]

    def on_header_value(self, piece: bytes, start: int, end: int) -> None:
        self._header_value += piece[start:end]

    def on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name, self._header_value = b"", b""

    def on_part(self) -> None:
        """A part begins: a file if it has a name for one, a field otherwise."""
        options = parse_options_header(self._disposition)[1]
        self._disposition = b""
        self._parts += 1
        if b"name" not in options:
            raise InvalidRequest(problems=_NAMELESS)
        if self._parts > _MOST_PARTS:
            raise InvalidRequest(problems=_TOO_MANY.format(most=_MOST_PARTS))
        self._field = _text(options[b"name"])
        if b"filename" in options:
            path = self._folder / str(self._parts)
            self._file = path.open("xb")
            self.files.append(SentFile(self._field, _text(options[b"filename"]), path))

    def on_content(self, piece: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(piece)[start:end])
            return
        self._left -= end - start
        if self._left < 0:
            raise InvalidRequest(problems=_TOO_LONG.format(most=_FIELDS_BYTES))
        self._content += piece[start:end]

    def on_part_end(self) -> None:
        if self._file is None:
            self.fields[self._field] = _text(bytes(self._content))
            self._content.clear()
        self.close()

    def on_end(self) -> None:
        self.is_whole = True

    def close(self) -> None:
        """End the file that is being written, whole or not."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _text(content: bytes) -> str:
    """As UTF-8, which everybody writes today, or as what old programs write, which is never wrong."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
