"""Blocks of text to frames of cells, each record with the line of the original file where it starts.

    fast     no quote in the block: a record is a line
    fast     every line with quotes is well formed by itself: the same
    careful  the lines that are not (`TV 32" LED`, quoted line breaks, a stray quote) are read one by one, the others
    still fast

Cells are columns `0`, `1`, ... of strings or categories, null when empty; `line` is the line number; `overflow` is not
null in records that have more cells than the heading.
"""

import csv
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import polars as pl

LINE: Final = "line"
OVERFLOW: Final = "overflow"
LONGEST_RECORD: Final = 200  # lines; a quote still open after that was never meant to open anything
MOST_LINES: Final = 500_000  # of a block
MOST_AWKWARD: Final = 300_000  # lines in `AWKWARD_WITHIN` bytes; in such a file quotes mean nothing
AWKWARD_WITHIN: Final = 16 << 20
_BREAK: Final = ord("\n")
_PART: Final = 1 << 18  # of a block looked at together, so that it stays in the processor's cache
_ABSENT: Final = "\x01"  # separates nothing: control characters are taken out first


class Layout(NamedTuple):
    """How the records of a file are laid out."""

    delimiter: str
    width: int  # cells of the heading
    repetitive: frozenset[int] = frozenset()  # places of cells that are read as categories, for few values fill them


class Careful(NamedTuple):
    """Records that were read one by one."""

    lines: list[int]  # offset of the line where each starts
    cells: list[list[str]]
    taken: set[int]  # offsets of all the lines they cover
    unfinished: int | None  # offset of a record that goes on in the next block


class Framed(NamedTuple):
    """The records of one block."""

    frame: pl.DataFrame
    lines: int  # how many of the block's lines they take
    unfinished: bytes = b""  # the text of a last record that goes on in the next block
    awkward: int = 0  # lines that were read one by one


def frames(blocks: Iterator[bytes], *, layout: Layout, first_line: int) -> Iterator[pl.DataFrame]:
    """One frame a block; `first_line` is the number of the first line of the first block.

    However small the blocks, lines are read one by one at no more than the rate of `MOST_AWKWARD`.
    """
    line, rest, patience = first_line, b"", MOST_AWKWARD
    for block, is_last in _marking_last(_of_few_lines(blocks)):
        text = rest + block if rest else block
        framed = frame_of(text, layout=layout, first_line=line, is_last=is_last, patience=patience)
        line += framed.lines
        rest = framed.unfinished
        patience = min(patience - framed.awkward + MOST_AWKWARD * len(block) // AWKWARD_WITHIN, MOST_AWKWARD)
        yield framed.frame


def frame_of(
    text: bytes, *, layout: Layout, first_line: int, is_last: bool = True, patience: int = MOST_AWKWARD
) -> Framed:
    """The records of one block, of which up to `patience` lines may be read one by one."""
    if b'"' not in text:
        return _plain(text, layout, quotes=False, first_line=first_line)
    lines = _lines(text)
    awkward = lines.str.contains('"', literal=True) & ~lines.str.contains(_well_formed(layout.delimiter))
    if not awkward.any():
        return _plain(text, layout, quotes=True, first_line=first_line)
    if (count := int(awkward.sum())) > patience:
        return _plain(text, layout, quotes=False, first_line=first_line)
    return _carefully(lines, awkward, layout=layout, first_line=first_line, is_last=is_last)._replace(awkward=count)


def _plain(text: bytes, layout: Layout, *, quotes: bool, first_line: int) -> Framed:
    """A block in which every line is a record."""
    frame = _split(text, layout, quotes=quotes, first_line=first_line)
    return Framed(frame, frame.height)


def _of_few_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks of very short lines in parts: a frame's memory grows with its lines."""
    for block in blocks:
        size = len(block) // (_line_breaks(block) // MOST_LINES + 1)
        start = 0
        while start < len(block):
            end = block.find(b"\n", start + size) + 1 or len(block)
            yield block[start:end]
            start = end


def _line_breaks(block: bytes) -> int:
    """How many there are: `bytes.count` takes five times as long, and holds up every other thread."""
    codes = np.frombuffer(block, np.uint8)
    return sum(int(np.count_nonzero(codes[start : start + _PART] == _BREAK)) for start in range(0, len(codes), _PART))


def _marking_last(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    held = next(blocks, None)
    for block in blocks:
        if held is not None:
            yield held, False
        held = block
    if held is not None:
        yield held, True


def _schema(layout: Layout) -> dict[str, pl.DataType]:
    few = pl.Categorical(pl.Categories("quantyfy.cells"))
    cells = {str(place): few if place in layout.repetitive else pl.String() for place in range(layout.width)}
    return {**cells, OVERFLOW: pl.String()}


def _split(text: bytes, layout: Layout, *, quotes: bool, first_line: int = 0) -> pl.DataFrame:
    cells = pl.read_csv(
        text,
        has_header=False,
        separator=layout.delimiter,
        quote_char='"' if quotes else None,
        schema=_schema(layout),
        truncate_ragged_lines=True,
        missing_columns="insert",
        extra_columns="ignore",
        raise_if_empty=False,
    )
    lines = pl.int_range(first_line, first_line + cells.height, dtype=pl.UInt32, eager=True)
    return cells.insert_column(0, lines.alias(LINE))


def _lines(text: bytes) -> pl.Series:
    """The physical lines of a block, without their breaks; null when blank."""
    plain = text.replace(_ABSENT.encode(), b" ")
    return _split(plain, Layout(_ABSENT, 1), quotes=False)["0"].fill_null("")


def _well_formed(delimiter: str) -> str:
    """A line whose quotes all open and close around whole cells."""
    mark = rf"\x{ord(delimiter):02x}"
    cell = rf'(?:[^"{mark}]*|"(?:[^"]|"")*")'
    return rf"^{cell}(?:{mark}{cell})*$"


def _carefully(lines: pl.Series, awkward: pl.Series, *, layout: Layout, first_line: int, is_last: bool) -> Framed:
    careful = read_carefully(lines.to_list(), awkward.arg_true().to_list(), layout=layout, is_last=is_last)
    end = len(lines) if careful.unfinished is None else careful.unfinished
    numbered = pl.DataFrame({LINE: pl.int_range(len(lines), dtype=pl.UInt32, eager=True), "text": lines})
    plain = numbered.head(end).filter(~pl.col(LINE).is_in(list(careful.taken)))
    easy = _split("".join(f"{line}\n" for line in plain["text"]).encode(), layout, quotes=True).head(plain.height)
    easy = easy.with_columns(plain[LINE].head(easy.height))
    both = pl.concat([easy, _frame_of_cells(careful, layout)]).sort(LINE)
    return Framed(both.with_columns(pl.col(LINE) + first_line), end, _joined(lines, end))


def _joined(lines: pl.Series, start: int) -> bytes:
    return "".join(f"{line}\n" for line in lines[start:]).encode()


def _frame_of_cells(careful: Careful, layout: Layout) -> pl.DataFrame:
    width = layout.width
    padded = [[*cells[: width + 1], *[""] * (width + 1 - len(cells))] for cells in careful.cells]
    columns = {
        name: pl.Series(name, [cells[position] or None for cells in padded], dtype=dtype)
        for position, (name, dtype) in enumerate(_schema(layout).items())
    }
    return pl.DataFrame({LINE: pl.Series(LINE, careful.lines, dtype=pl.UInt32), **columns})


def read_carefully(lines: list[str], awkward: list[int], *, layout: Layout, is_last: bool) -> Careful:
    """The records that start at the awkward lines; a record may take the lines after it."""
    found = Careful([], [], set(), None)
    position = 0
    for start in awkward:
        if start < position:
            continue
        cells, end = _record(lines, start, layout)
        if cells is None and not is_last and len(lines) - start <= LONGEST_RECORD:
            return found._replace(unfinished=start)
        if cells is None:
            cells, end = _literally(lines[start], layout.delimiter), start + 1
        found.lines.append(start)
        found.cells.append(cells)
        found.taken.update(range(start, end))
        position = end
    return found


def _record(lines: list[str], start: int, layout: Layout) -> tuple[list[str] | None, int]:
    """The cells of the record that starts here and the line after it; no cells when its quotes do not close well."""
    physical = (f"{line}\n" for line in lines[start : _quotes_close_after(lines, start)])  # a lone \r ends none
    reader = csv.reader(physical, delimiter=layout.delimiter, strict=True)
    try:
        cells = next(reader)
    except (csv.Error, StopIteration):
        return None, start + 1
    end = start + reader.line_num
    if end > start + 1 and (_are_records(lines[start + 1 : end - 1], layout) or _is_too_wide(cells, layout)):
        return None, start + 1
    return cells, end


def _quotes_close_after(lines: list[str], start: int) -> int:
    """The line after the first on which every quote opened is closed; a well-formed record ends no later."""
    is_open = False
    for position in range(start, min(start + LONGEST_RECORD, len(lines))):
        is_open ^= lines[position].count('"') % 2 == 1
        if not is_open:
            return position + 1
    return start + LONGEST_RECORD


def _are_records(swallowed: list[str], layout: Layout) -> bool:
    """Whether every line that a quote would swallow has the delimiters of a record: then it opened nothing."""
    usual = {layout.width - 1, layout.width}  # some systems end every line with a delimiter
    return bool(swallowed) and all(line.count(layout.delimiter) in usual for line in swallowed)


def _is_too_wide(cells: list[str], layout: Layout) -> bool:
    return any(cells[layout.width :])


def _literally(line: str, delimiter: str) -> list[str]:
    """The cells of a line whose quotes mean nothing, less those that stand at both ends of a cell."""
    return [cell.strip('"') if cell.startswith('"') else cell for cell in line.split(delimiter)]
