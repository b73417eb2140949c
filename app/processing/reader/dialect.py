"""Where the table begins in a text file, and what separates its cells."""

import csv
import io
from collections.abc import Collection
from typing import Final, NamedTuple

from app.domain.errors import EmptyFile, NotATable
from app.processing.columns.headings import normalised
from app.processing.columns.matching import is_known
from app.processing.columns.personal import personal_headings
from app.processing.reader.encoding import LONGEST_LINE, encoding_of, endless_line, utf8_text
from app.processing.reader.sheets import ORIGINAL_LINE, Limits

DELIMITERS: Final = (";", "\t", ",", "|")
TITLE_LINES: Final = 30
_LEAST_KNOWN: Final = 2
_BINARY: Final = 0.02
_USUALLY_ENOUGH: Final = 128 << 10

_SIGNATURES: Final = (
    (b"%PDF", "é um PDF", "it is a PDF"),
    (
        b"\xd0\xcf\x11\xe0",
        "é um Excel antigo (.xls) protegido ou danificado",
        "it is an old Excel file (.xls), protected or broken",
    ),
    (b"\x89PNG", "é uma imagem", "it is an image"),
    (b"\xff\xd8\xff", "é uma imagem", "it is an image"),
    (b"Rar!", "é um RAR; compacte como ZIP", "it is a RAR; pack it as ZIP"),
    (b"7z\xbc\xaf", "é um 7z; compacte como ZIP", "it is a 7z; pack it as ZIP"),
    (b"\x1f\x8b", "é um GZIP; compacte como ZIP", "it is a GZIP; pack it as ZIP"),
    (b"PAR1", "é um Parquet; exporte como CSV", "it is a Parquet file; export it as CSV"),
)
_MARKUP: Final = (
    ("<?xml", "é um XML; por enquanto lemos só planilhas", "it is an XML; only tables are read for now"),
    (
        "<",
        "é uma página da internet com nome de planilha; abra no Excel e salve como .xlsx",
        "it is a web page named like a spreadsheet; open it in Excel and save as .xlsx",
    ),
    ("{", "é um JSON", "it is JSON"),
)


class Head(NamedTuple):
    """The first part of a file as text."""

    text: str
    encoding: str
    newline: str


class Heading(NamedTuple):
    """The heading row of a table."""

    cells: tuple[str, ...]
    delimiter: str
    line: int
    height: int
    known: int  # how many of its cells we know


def read_head(head: bytes, *, name: str, known_encoding: str | None = None) -> Head:
    """The text of the first bytes of a file.

    Raises:
        EmptyFile: nothing but blanks.
        NotATable: a PDF, an image, a page, a binary file, or one endless line.
    """
    if not head.strip(b"\x00 \t\r\n\x1a\xef\xbb\xbf\xff\xfe"):
        raise EmptyFile(file=name)
    _refuse_signatures(head, name)
    encoding = known_encoding or encoding_of(head)
    text = utf8_text(_first_lines(head), encoding)
    if text.count("\0") + text.count("\ufffd") > _BINARY * len(text):
        raise NotATable(file=name, reason="é um arquivo binário", reason_en="it is a binary file")
    _refuse_markup(text, name)
    newline = "\r" if "\n" not in text and "\r" in text else "\n"
    unbroken = text.replace("\r", "\n") if newline == "\r" else text
    if "\n" not in unbroken and len(head) >= LONGEST_LINE:
        raise endless_line(name)
    return Head(unbroken.replace("\0", ""), encoding, newline)


def _first_lines(head: bytes) -> bytes:
    """As much as has all the lines a heading may stand on; all of it when lines are long, or end in their own way."""
    first = head[:_USUALLY_ENOUGH]
    return first if first.count(b"\n") > 2 * TITLE_LINES else head


def _refuse_signatures(head: bytes, name: str) -> None:
    for signature, reason, reason_en in _SIGNATURES:
        if head.startswith(signature):
            raise NotATable(file=name, reason=reason, reason_en=reason_en)


def _refuse_markup(text: str, name: str) -> None:
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    for mark, reason, reason_en in _MARKUP:
        if start.startswith(mark):
            raise NotATable(file=name, reason=reason, reason_en=reason_en)


def find_heading(head: Head, *, name: str, limits: Limits, also_known: Collection[str] = ()) -> Heading:
    """The row among the first 30 lines that names the most columns we know; the first such row when several do.

    `known` is 0 when no row names any.

    Args:
        head: the beginning of the file.
        name: shown in refusals.
        limits: no more columns than these.
        also_known: normalised headings that the customer mapped.

    Raises:
        NotATable: no row of the first 30 has two cells, or it has too many.
    """
    candidates = list(_candidates(head.text, limits, also_known))
    best = max(candidates, key=lambda heading: (heading.known, len(heading.cells)), default=None)
    if best is None or len(best.cells) < _LEAST_KNOWN:
        raise no_heading(name)
    if len(best.cells) > limits.max_columns:
        raise too_wide(name, limits)
    return best


def too_wide(name: str, limits: Limits) -> NotATable:
    """The refusal of a table with more columns than are read."""
    return NotATable(
        file=name,
        reason=f"tem mais de {limits.max_columns} colunas",
        reason_en=f"it has over {limits.max_columns} columns",
    )


def no_heading(name: str) -> NotATable:
    """The refusal of a file whose first lines name no column."""
    return NotATable(
        file=name,
        reason="não há uma linha com os nomes das colunas",
        reason_en="no line has the names of the columns",
    )


def _candidates(text: str, limits: Limits, also_known: Collection[str]) -> list[Heading]:
    lines = text.split("\n", TITLE_LINES + 1)[: TITLE_LINES + 1]
    rows = [
        (number, line.rstrip("\r").replace("\r", " "))
        for number, line in enumerate(lines[:TITLE_LINES], start=1)
        if line.strip()
    ]
    following = text.replace("\r", " ").split("\n")[: TITLE_LINES * 2] if '"' in text[:LONGEST_LINE] else []
    return [
        _heading(line, following[number:], number, delimiter, limits, also_known)
        for number, line in rows
        for delimiter in DELIMITERS
        if delimiter in line
    ]


def _heading(
    line: str, following: list[str], number: int, delimiter: str, limits: Limits, also_known: Collection[str]
) -> Heading:
    cells, height = _row(line, following, delimiter, limits)
    known = sum(
        is_known(cell) or normalised(cell) in also_known or cell == ORIGINAL_LINE
        for cell in cells[: limits.max_columns]
    )
    known += sum(personal_headings(cells)) if len(cells) <= limits.max_columns else 0
    return Heading(tuple(cells), delimiter, number, height, known)


def _row(line: str, following: list[str], delimiter: str, limits: Limits) -> tuple[list[str], int]:
    """The cells of a row and how many lines it takes. A very wide row is only counted."""
    if line.count(delimiter) > limits.max_columns:
        return [""] * (line.count(delimiter) + 1), 1
    if line.count('"') % 2 == 0:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))], 1
    source = csv.reader(io.StringIO("\n".join([line, *following]), newline=""), delimiter=delimiter)
    cells = next(source)
    return [" ".join(cell.split()) for cell in cells], source.line_num
