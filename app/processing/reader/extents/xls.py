"""How far the cells of an XLS reach. Records are [MS-XLS] 2.1.4: type, length, content, all little-endian."""

from pathlib import Path
from struct import Struct, error, unpack_from
from typing import Final

from app.processing.reader.extents.area import MOST_CELLS, Area, Areas
from app.processing.reader.extents.ole import BrokenContainer, stream_of

_HEADER: Final = Struct("<HH")
_PLACE: Final = Struct("<HH")
_END: Final = 0x000A
_SHEET: Final = 0x0085
_DIMENSIONS: Final = 0x0200
_MANY: Final = 0x00BD  # numbers side by side
_CELLS: Final = frozenset({0x0006, _MANY, 0x00D6, 0x00FD, 0x0203, 0x0204, 0x0205, 0x027E})
_BIFF8_DIMENSIONS: Final = 14


def check_xls(path: Path, areas: Areas) -> None:
    """Check every sheet.

    Raises:
        NotATable: its container or its records are broken.
        TooManyCells: a sheet reaches too far, or all do together.
    """
    try:
        stream = stream_of(path, ("Workbook", "Book"))
        if stream is None:  # locked by a password, or no workbook: its reader says so
            return
        known: dict[int, Area] = {}
        for start in _sheets(stream):
            if start not in known:
                known[start] = _area(stream, start, areas)
            areas.close(known[start])
    except (BrokenContainer, error, IndexError) as broken:
        raise areas.broken() from broken


def _sheets(stream: memoryview) -> list[int]:
    """Where the sheets begin."""
    found, at = [], 0
    while at + _HEADER.size <= len(stream):
        kind, length = _HEADER.unpack_from(stream, at)
        at += _HEADER.size
        if kind == _END:
            break
        if kind == _SHEET:
            found.append(unpack_from("<I", stream, at)[0])
        at += length
    return found


def _area(stream: memoryview, start: int, areas: Areas) -> Area:
    area, at = Area(), start
    while at + _HEADER.size <= len(stream):
        kind, length = _HEADER.unpack_from(stream, at)
        at += _HEADER.size
        if kind in _CELLS:
            row, column = _PLACE.unpack_from(stream, at)
            last = unpack_from("<H", stream, at + length - 2)[0] if kind == _MANY else column
            area.add(row, column, to=max(column, last))
            areas.check(area)
        elif kind == _DIMENSIONS:
            _check_dimensions(stream, at, length, areas)
        elif kind == _END:
            break
        at += length
    return area


def _check_dimensions(stream: memoryview, at: int, length: int, areas: Areas) -> None:
    """What the sheet says of itself is what its reader takes memory for before it has seen a cell.

    No sheet of this format has more than 65 536 rows of 256 cells, and so none that is honest is refused.
    """
    layout = "<IIHH" if length >= _BIFF8_DIMENSIONS else "<HHHH"
    top, bottom, left, right = unpack_from(layout, stream, at)
    if max(bottom - top, 0) * max(right - left, 0) > MOST_CELLS:
        said = Area()
        said.add(bottom - 1, left, to=right - 1)
        raise areas.refusal(said)
