"""Bytes to UTF-8: what Excel, web shops and old DOS tills write.

A file is read as the encoding its head shows, and every block is made UTF-8 by itself, so that a file of any size costs
one block of memory. Bytes that break UTF-8 are taken for Windows-1252 one by one: files glued together from two systems
stay readable.
"""

import codecs
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from app.domain.errors import NotATable

BLOCK_BYTES: Final = 16 * 1024 * 1024
LONGEST_LINE: Final = 4 * 1024 * 1024

_PORTUGUESE: Final = frozenset("áàâãéêíóôõúüçÁÀÂÃÉÊÍÓÔÕÚÜÇºª")
_ASCII: Final = bytes(range(128))
_UTF8_ACCENT: Final = re.compile(rb"\xc3[\x80-\xbf]")
_ACCENT_IN_WORD: Final = re.compile(rb"[A-Za-z][\x80-\xff][A-Za-z]")
_ENOUGH_LETTERS: Final = 4_000
_PART: Final = 64 * 1024  # most parts of most files have no accent, and need no decoding
_WIDE: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def encoding_of(head: bytes) -> str:
    """`utf-8`, `utf-16-le`, `utf-16-be`, `cp1252` or `cp850`, from the first bytes of a file.

    Guessers are not used: they take Portuguese Windows-1252 for cp1250 (ã becomes ă).
    """
    for mark, name in _WIDE.items():
        if head.startswith(mark):
            return name
    return _wide_without_mark(head) or _narrow(head)


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 of Western text has a zero in every second byte."""
    if b"\0" not in head:
        return None
    zeros = (head[::2].count(0), head[1::2].count(0))
    most = max(zeros, default=0)
    if most * 2 < len(head) * 0.6 or not head:
        return None
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def _narrow(head: bytes) -> str:
    if head.isascii():
        return "utf-8"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character cut at the end of the head is no error
    except UnicodeDecodeError:
        accents = head.translate(None, _ASCII)
        if _is_mostly_utf8(head, accents):
            return "utf-8"
        letters = {name: _portuguese_letters(accents, name) for name in ("cp1252", "cp850")}
        if letters["cp1252"] == letters["cp850"]:  # CÓDIGO of the one is CàDIGO of the other
            return min(letters, key=lambda name: _letters_of_the_wrong_case(head, name))
        return max(letters, key=letters.__getitem__)
    return "utf-8"


def _is_mostly_utf8(head: bytes, accents: bytes) -> bool:
    """Whether most accents are UTF-8 pairs, as in a file glued from two systems."""
    pairs = len(_UTF8_ACCENT.findall(head)) if b"\xc3" in accents else 0
    return pairs > len(accents) - 2 * pairs


def _portuguese_letters(accents: bytes, encoding: str) -> int:
    return sum(letter in _PORTUGUESE for letter in accents[:_ENOUGH_LETTERS].decode(encoding, errors="replace"))


def _letters_of_the_wrong_case(head: bytes, encoding: str) -> int:
    words = islice(_ACCENT_IN_WORD.finditer(head), _ENOUGH_LETTERS)
    letters = [list(word[0].decode(encoding, errors="replace")) for word in words]
    return sum(before.isupper() == after.isupper() != accent.isupper() for before, accent, after in letters)


def lone_bytes_as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Error handler for UTF-8: the byte that does not fit is a Windows-1252 letter."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.start + 1].decode("cp1252", errors="replace"), error.start + 1


codecs.register_error("quantyfy.windows-1252", lone_bytes_as_windows_1252)


def utf8_blocks(
    path: Path, *, encoding: str, newline: str = "\n", skip_lines: int = 0, block_bytes: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """The file less its first lines, as UTF-8 in blocks that end at a line break, without mark, NULs, or other breaks.

    Raises:
        NotATable: a line is longer than any table's.
    """
    break_mark, rest = newline.encode(), b""
    with path.open("rb") as file:
        file.seek(_length_of_mark(file.read(3)))
        for piece in _pieces(file, encoding, block_bytes, break_mark, skip_lines):
            text = rest + piece
            cut = text.rfind(break_mark) + 1
            if len(text) - cut > LONGEST_LINE:
                raise endless_line(path.name)
            if cut:
                yield _tidy(_utf8(text[:cut], encoding), newline)
            rest = text[cut:]
    if rest:
        yield _tidy(_utf8(rest, encoding), newline)


def utf8_text(head: bytes, encoding: str) -> str:
    """The text of the first bytes of a file; a character cut at their end is left out."""
    text = head[_length_of_mark(head) :]
    if not encoding.startswith("utf"):
        return _utf8(text, encoding).decode()
    errors = "quantyfy.windows-1252" if encoding == "utf-8" else "replace"
    return codecs.getincrementaldecoder(encoding)(errors).decode(text)


def endless_line(name: str) -> NotATable:
    """The refusal of a file whose lines have no end."""
    return NotATable(
        file=name,
        reason="há uma linha com milhões de caracteres",
        reason_en="one of its lines has millions of characters",
    )


def _pieces(file: BinaryIO, encoding: str, block_bytes: int, break_mark: bytes, skip_lines: int) -> Iterator[bytes]:
    """Raw bytes of narrow encodings; UTF-16 already as UTF-8, for its line breaks cannot be found byte by byte."""
    if encoding.startswith("utf-16"):
        yield from _without_lines(_decoded(file, encoding, block_bytes), break_mark, skip_lines)
        return
    _skip_lines(file, break_mark, skip_lines)
    while piece := file.read(_size_of_whole_lines(file, block_bytes, break_mark)):
        yield piece


def _decoded(file: BinaryIO, encoding: str, block_bytes: int) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while piece := file.read(block_bytes):
        yield decoder.decode(piece).encode("utf-8", errors="replace")


def _without_lines(pieces: Iterator[bytes], break_mark: bytes, count: int) -> Iterator[bytes]:
    for piece in pieces:
        start = 0
        while count and (end := piece.find(break_mark, start) + 1):
            start, count = end, count - 1
        if not count:
            yield piece[start:]


def _skip_lines(file: BinaryIO, break_mark: bytes, count: int) -> None:
    """Goes to where the line after the first `count` begins, or to the end; nothing large is copied."""
    while count and (part := file.read(_PART)):
        lines = part.split(break_mark, count)
        count -= len(lines) - 1
        file.seek(0 if count else -len(lines[-1]), os.SEEK_CUR)


def _size_of_whole_lines(file: BinaryIO, size: int, break_mark: bytes) -> int:
    """Up to `size` bytes that end at a line break, where there is one near: to cut a block later is to copy it."""
    start, near = file.tell(), min(size, _PART)
    file.seek(start + size - near)
    end = file.read(near).rfind(break_mark) + 1
    file.seek(start)
    return size - near + end if end else size


def _length_of_mark(head: bytes) -> int:
    marks = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return next((len(mark) for mark in marks if head.startswith(mark)), 0)


def _utf8(text: bytes, encoding: str) -> bytes:
    if text.isascii() or encoding.startswith("utf-16"):
        return text
    if encoding == "utf-8":
        return text.decode("utf-8", errors="quantyfy.windows-1252").encode()
    parts = (text[start : start + _PART] for start in range(0, len(text), _PART))
    return b"".join(part if part.isascii() else part.decode(encoding, errors="replace").encode() for part in parts)


def _tidy(text: bytes, newline: str) -> bytes:
    without_nuls = text.replace(b"\0", b"") if b"\0" in text else text
    return without_nuls.replace(b"\r", b"\n") if newline == "\r" else without_nuls
