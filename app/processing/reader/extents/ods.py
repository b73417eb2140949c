"""How far the cells of an ODS reach: rows and cells are written once and repeated by a number."""

from collections.abc import Iterable
from typing import Final

from app.processing.reader.extents.area import Area, Areas
from app.processing.reader.extents.markup import Malformed, walk

CONTENT: Final = "content.xml"
_CELLS: Final = frozenset({"table:table-cell", "table:covered-table-cell"})
_LONGEST_NUMBER: Final = 18
_MOST_SPACES: Final = 1_000_000


def walk_content(chunks: Iterable[bytes], areas: Areas) -> None:
    """Check every table.

    Raises:
        NotATable: it is not well-formed.
        TooManyCells: a table reaches too far, or all do together.
    """
    content = _Content(areas)
    try:
        walk(chunks, start=content.start, end=content.end)
    except Malformed as error:
        raise areas.broken() from error


class _Table:
    """A table on its way in."""

    def __init__(self) -> None:
        self.area = Area()
        self.row = 0
        self.repeats = 1
        self.column = 0


class _Content:
    """Tables, one within another where a cell holds one."""

    def __init__(self, areas: Areas) -> None:
        self._areas = areas
        self._tables: list[_Table] = []
        self._spaces = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if name in _CELLS:
            self._cell(attributes)
        elif name == "table:table-row" and self._tables:
            table = self._tables[-1]
            table.column, table.repeats = 0, _number(attributes.get("table:number-rows-repeated"))
        elif name == "table:table":
            self._tables.append(_Table())
        elif name == "text:s":
            self._space(attributes.get("text:c"))

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "table:table-row" and self._tables:
            self._tables[-1].row += self._tables[-1].repeats
        elif name == "table:table" and self._tables:
            self._areas.close(self._tables.pop().area)

    def _cell(self, attributes: dict[str, str]) -> None:
        if not self._tables:
            return
        table = self._tables[-1]
        after = table.column + _number(attributes.get("table:number-columns-repeated"))
        if any(name.startswith("office:") or name == "table:formula" for name in attributes):
            table.area.add(table.row, table.column, to_row=table.row + table.repeats - 1, to=after - 1)
            self._areas.check(table.area)
        table.column = after

    def _space(self, times: str | None) -> None:
        """So many spaces in a row, which a reader writes out."""
        self._spaces += _number(times)
        if self._spaces > _MOST_SPACES:
            raise Malformed


def _number(text: str | None) -> int:
    if text is None:
        return 1
    if not text.strip().isdecimal() or len(text) > _LONGEST_NUMBER:
        raise Malformed
    return int(text)
