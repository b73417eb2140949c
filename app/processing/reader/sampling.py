"""A bounded part of a file, spread over all of it: what the styles of its columns are decided on."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from app.processing.reader.encoding import utf8_text
from app.processing.reader.records import frame_of
from app.processing.reader.sheets import Sheet

WHOLE_BYTES: Final = 4 << 20  # a file up to this size is its own sample
HEAD_BYTES: Final = 1 << 20
WINDOW_BYTES: Final = 128 << 10
WINDOWS: Final = 12


def sample_of(sheet: Sheet) -> pl.DataFrame:
    """Records from the head of the file and, of a long one, from windows over its whole length."""
    parts = [_head(sheet)]
    size = sheet.path.stat().st_size
    if size > WHOLE_BYTES and not sheet.dialect.encoding.startswith("utf-16"):
        parts += [_cells(sheet, text, line=0) for text in _at_once(list(_windows(sheet, size)))]
    return sheet.with_original_lines(pl.concat(parts))


def _head(sheet: Sheet) -> pl.DataFrame:
    size = sheet.path.stat().st_size
    wide = sheet.dialect.encoding.startswith("utf-16")
    wanted = WHOLE_BYTES if size <= WHOLE_BYTES or wide else HEAD_BYTES
    with sheet.path.open("rb") as file:
        raw = file.read(wanted)
    lines = _text(sheet, raw).split("\n", sheet.dialect.first_line - 1)
    rest = lines[-1] if len(lines) == sheet.dialect.first_line else ""
    complete = rest if size <= wanted else rest[: rest.rfind("\n") + 1]
    return _cells(sheet, complete, line=sheet.dialect.first_line)


def _at_once(texts: list[str]) -> list[str]:
    """One text of several; if there are quotes, one could reach from a window into the next."""
    return texts if any('"' in text for text in texts) else ["".join(texts)]


def _windows(sheet: Sheet, size: int) -> Iterator[str]:
    with sheet.path.open("rb") as file:
        for number in range(1, WINDOWS + 1):
            file.seek(size * number // (WINDOWS + 1))
            text = _text(sheet, file.read(WINDOW_BYTES))
            yield text[text.find("\n") + 1 : text.rfind("\n") + 1]


def _text(sheet: Sheet, raw: bytes) -> str:
    text = utf8_text(raw, sheet.dialect.encoding).replace("\0", "")
    return text.replace("\r", "\n") if sheet.dialect.newline == "\r" else text


def _cells(sheet: Sheet, text: str, *, line: int) -> pl.DataFrame:
    return frame_of(text.encode(errors="replace"), layout=sheet.layout, first_line=line).frame
