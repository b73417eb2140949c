"""How far the cells of an XLSX sheet reach.

At first sight, at the speed of reading bytes, every `<c r="AB12"` counts, also of cells that are empty or commented
out: never less than there is. Only a sheet that is too large at first sight, or that is written in another way, is
walked element by element.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.processing.reader.extents.area import LAST_COLUMN, LAST_ROW, Area, Areas
from app.processing.reader.extents.markup import Malformed, walk

SHEET_DATA: Final = b"sheetData"
_OPENING: Final = re.compile(rb"<((?:[A-Za-z_][\w.-]*:)?)sheetData[\s/>]")
_STRINGS: Final = re.compile(rb"<(?:[^<>\s/!?:]*:)?sst(?=[\s/>])([^>]{0,1000})(>?)")
_COUNTS: Final = re.compile(rb"[0-9]+")
_OTHER_PREFIX: Final = re.compile(rb"<[^<>\s/]*:c[\s/>]")
_LOOK_BACK: Final = 2000  # bytes looked at twice, so that no tag is cut
_LONGEST_TAG: Final = 1 << 20
_TAG: Final = np.frombuffer(b'<c r="', dtype=np.uint8)
_AFTER_NAME: Final = np.isin(np.arange(256), list(b" \t\r\n/>"))
_PAD: Final = bytes(32)  # more than such a tag begins with
_CELL: Final = re.compile(r"([A-Za-z]{1,9})([0-9]{1,18})")
_ROW: Final = re.compile(r"[A-Za-z]*([0-9]{1,18})")

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]


class _Figures(NamedTuple):
    """What numbers are written in."""

    first: int  # character
    base: int
    least: int  # what the first character stands for


_ALPHABET: Final = _Figures(ord("A"), base=26, least=1)
_DECIMALS: Final = _Figures(ord("0"), base=10, least=0)


class FirstSight:
    """The bytes of one part of a workbook, as they come: a sheet or something else."""

    def __init__(self) -> None:
        self.area = Area()
        self.is_sheet = False
        self.strings = 0  # that the part says it has: their reader takes memory for them at once
        self.is_clear = True  # False: to be walked
        self._prefix = b""
        self._carry = b""

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""
        if self.is_clear:
            text = self._carry + chunk
            self._take(text if self.is_sheet else self._of_sheet(text))

    def _take(self, text: bytes) -> None:
        """Look at whole tags; the last one stays for when more has come."""
        if not self.is_sheet:
            return
        whole = max(text.rfind(b"<"), 0)
        self._carry = text[whole:]
        if len(self._carry) > _LONGEST_TAG:
            self.is_clear = False
        elif whole:
            self._look_at(text[:whole])

    def close(self) -> None:
        """There is no more."""
        if self.is_sheet and self.is_clear and self._carry:
            self._look_at(self._carry)

    def _of_sheet(self, text: bytes) -> bytes:
        """From `sheetData` on: a reader finds no cell before it, and a part without it is no sheet."""
        at = text.find(SHEET_DATA)
        if at < 0:
            self._count_strings(text)
            self._carry = text[-_LOOK_BACK:]
            return b""
        self.is_sheet = True
        opening = _OPENING.match(text, max(text.rfind(b"<", 0, at), 0))
        if opening is None:
            self.is_clear = False
            return b""
        self._prefix = opening[1]
        return text[at:]

    def _count_strings(self, text: bytes) -> None:
        for tag in _STRINGS.finditer(text) if b"sst" in text else ():
            said = (int(number[:18]) for number in _COUNTS.findall(_without_names(tag[1])))
            self.strings = max(self.strings, *said, 0, 0)

    def _look_at(self, text: bytes) -> None:
        if self._prefix:
            text = text.replace(b"<" + self._prefix, b"<")
        around = np.frombuffer(text + _PAD, dtype=np.uint8)
        following = around[1:-1]
        opens, is_cell = around[:-2] == ord("<"), following == ord("c")
        has_other_prefix = (around[:-2] == ord(":")) & is_cell
        if (opens & (following == ord("!"))).any() or (has_other_prefix.any() and _OTHER_PREFIX.search(text)):
            self.is_clear = False
            return
        tags = np.flatnonzero(opens & is_cell)
        tags = tags[_AFTER_NAME[around[tags + 2]]]
        if tags.size:
            self._add(around, tags)

    def _add(self, around: Bytes, tags: Places) -> None:
        found = _references(around, tags)
        if found is None:
            self.is_clear = False
            return
        rows, columns = found
        area = self.area
        area.height = max(area.height, int(rows.max()))
        area.first = min(area.first, int(columns.min()) - 1)
        area.last = max(area.last, int(columns.max()) - 1)
        area.written += tags.size


def _without_names(attributes: bytes) -> bytes:
    """Attributes without the addresses of name spaces, which have years in them."""
    return re.sub(rb"xmlns[^=]*=\s*(\"[^\"]*\"|'[^']*')", b"", attributes)


def _references(around: Bytes, tags: Places) -> tuple[Numbers, Numbers] | None:
    """Row and column of each cell, from 1; None: some are not written `<c r="AB12"`."""
    for offset in range(2, len(_TAG)):
        if (around[tags + offset] != _TAG[offset]).any():
            return None
    columns, after_letters = _counted(around, tags + len(_TAG), _ALPHABET, most=3)
    rows, after_digits = _counted(around, after_letters, _DECIMALS, most=7)
    is_whole = (after_letters > tags + len(_TAG)) & (after_digits > after_letters) & (around[after_digits] == ord('"'))
    return (rows, columns) if is_whole.all() and rows.all() else None


def _counted(around: Bytes, at: Places, figures: "_Figures", *, most: int) -> tuple[Numbers, Places]:
    """The numbers that begin at these places, of at most so many figures, and where they end."""
    numbers, going = np.zeros(at.size, dtype=np.int32), np.ones(at.size, dtype=bool)
    for _ in range(most):
        figure = around[at] - np.uint8(figures.first)
        going &= figure < figures.base
        if not going.any():
            break
        with_one_more = numbers * figures.base + (figure + np.uint8(figures.least))
        numbers = with_one_more if going.all() else np.where(going, with_one_more, numbers)
        at = at + going
    return numbers, at


def walk_sheet(chunks: Iterable[bytes], areas: Areas) -> Area:
    """The area of the cells that hold something, in whichever way they are written.

    Raises:
        NotATable: the sheet is not well-formed.
        TooManyCells: they reach too far.
    """
    sheet = _Sheet(areas)
    try:
        walk(chunks, start=sheet.start, end=sheet.end)
    except Malformed as error:
        raise areas.broken() from error
    return sheet.area


class _Sheet:
    """Where the cells of a sheet stand: by their own reference, or after the one before."""

    def __init__(self, areas: Areas) -> None:
        self.area = Area()
        self._areas = areas
        self._is_within = False
        self._row, self._column = 0, 0
        self._at = (0, 0)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        local = name.rpartition(":")[2]
        if local == "c":
            self._begin_cell(attributes.get("r"))
        elif local in {"v", "is"}:
            self._fill_cell()
        elif local == "row":
            self._begin_row(attributes.get("r"))
        elif local == "sheetData":
            self._is_within = True

    def end(self, name: str) -> None:
        """An element ends."""
        local = name.rpartition(":")[2]
        if local == "c":
            self._column += 1
        elif local == "row":
            self._row, self._column = self._row + 1, 0
        elif local == "sheetData":
            self._is_within = False

    def _begin_row(self, reference: str | None) -> None:
        if reference is not None:
            found = _ROW.fullmatch(reference)
            if found is None:
                raise Malformed
            self._row = int(found[1]) - 1

    def _begin_cell(self, reference: str | None) -> None:
        if reference is None:
            self._at = (self._row, self._column)
            return
        found = _CELL.fullmatch(reference)
        if found is None:
            raise Malformed
        self._column = _column_of(found[1].upper())
        self._at = (int(found[2]) - 1, self._column)

    def _fill_cell(self) -> None:
        if self._is_within:
            row, column = self._at
            if row < 0:
                raise Malformed
            self.area.add(row, column)
            if row >= LAST_ROW or column >= LAST_COLUMN or self.area.is_too_large:
                raise self._areas.refusal(self.area)


def _column_of(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1
