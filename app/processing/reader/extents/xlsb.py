"""How far the cells of an XLSB sheet reach. Records are [MS-XLSB] 2.1.4: type, length, content."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from app.processing.reader.extents.area import Area, Areas

_ROW: Final = 0x0000
_CELLS: Final = frozenset(range(0x0002, 0x000C))  # with a value; 0x0001 is a blank
_DIMENSION: Final = 0x0094
_BEGIN: Final = 0x0091
_STRINGS: Final = 0x009F
_LONGEST: Final = 4 << 20  # bytes of a record
_MORE: Final = 0x80  # of a number written in several bytes, one follows
_SEVEN_BITS: Final = 0x7F


class _Record(NamedTuple):
    type: int
    start: int  # of its content
    end: int


def walk_part(chunks: Iterable[bytes], areas: Areas, *, size: int) -> Area:
    """The area of a part's cells, `size` bytes long; of a part that is no sheet, nothing.

    Raises:
        NotATable: the part says it has more texts than fit in it.
        TooManyCells: the cells reach too far.
    """
    sheet, buffer = _Sheet(areas, size=size), b""
    for chunk in chunks:
        buffer += chunk
        at = sheet.take(buffer)
        buffer = buffer[at:]
        if len(buffer) > _LONGEST:  # no sheet has such a record
            break
    return sheet.area


class _Sheet:
    """The records of a part on their way in."""

    def __init__(self, areas: Areas, *, size: int) -> None:
        self.area = Area()
        self._areas = areas
        self._size = size
        self._row = 0
        self._stages = [_DIMENSION, _BEGIN]  # still to come before there are cells

    def take(self, buffer: bytes) -> int:
        """Read the records that are whole; returns where the first that is not begins."""
        at = 0
        while (record := _next(buffer, at)) is not None and record.end <= len(buffer):
            self._read(record.type, buffer[record.start : min(record.end, record.start + 8)])
            at = record.end
        return at

    def _read(self, kind: int, content: bytes) -> None:
        if self._stages:
            if kind == self._stages[0]:
                self._stages.pop(0)
            elif kind == _STRINGS and int.from_bytes(content[4:8], "little") > self._size:
                raise self._areas.broken()
        elif kind == _ROW:
            self._row = int.from_bytes(content[:4], "little")
        elif kind in _CELLS:
            self.area.add(self._row, int.from_bytes(content[:4], "little"))
            self._areas.check(self.area)


def _next(buffer: bytes, at: int) -> _Record | None:
    """The record at this place; None: not enough of it is there to say."""
    try:
        kind, at = buffer[at], at + 1
        if kind & _MORE:
            kind, at = kind & _SEVEN_BITS | (buffer[at] & _SEVEN_BITS) << 7, at + 1
        length = 0
        for shift in (0, 7, 14, 21):
            byte, at = buffer[at], at + 1
            length |= (byte & _SEVEN_BITS) << shift
            if not byte & _MORE:
                break
    except IndexError:
        return None
    return _Record(kind, at, at + length)
