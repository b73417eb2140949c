"""The rectangles that a workbook's cells span: its reader takes memory for every cell of them, empty or not."""

from typing import Final

from app.domain.errors import NotATable, TooManyCells

MOST_CELLS: Final = 20_000_000
LAST_ROW: Final = 1_048_576  # of any program that writes workbooks
LAST_COLUMN: Final = 16_384
_LETTERS: Final = 26


class Area:
    """The rectangle of one sheet: rows from the first of the sheet, columns from the first that is used.

    Rows and columns count from 0. The reader begins at the first row whether it is used or not,
    because its row numbers are the customer's.
    """

    __slots__ = ("first", "height", "last", "written")

    def __init__(self) -> None:
        self.height = 0
        self.first = LAST_COLUMN
        self.last = -1
        self.written = 0  # cells that take room in the file

    def add(self, row: int, column: int, *, to_row: int | None = None, to: int | None = None) -> None:
        """A cell that holds something, or the same over several rows and columns."""
        self.height = max(self.height, (row if to_row is None else to_row) + 1)
        self.first = min(self.first, column)
        self.last = max(self.last, column if to is None else to)
        self.written += 1

    @property
    def cells(self) -> int:
        """Cells the reader takes memory for."""
        return self.height * (self.last - self.first + 1) if self.last >= 0 else 0

    @property
    def is_too_large(self) -> bool:
        """Whether no workbook could be so, or none that is read here."""
        return self.cells > MOST_CELLS or self.height > LAST_ROW or self.last >= LAST_COLUMN

    @property
    def corner(self) -> str:
        """The last cell as a spreadsheet writes it, such as `XFD1048576`."""
        letters, left = "", self.last + 1
        while left:
            left, letter = divmod(left - 1, _LETTERS)
            letters = chr(ord("A") + letter) + letters
        return f"{letters[:8]}{self.height}"


class Areas:
    """The sheets of one workbook, none too large, nor all together.

    A sheet is held to `MOST_CELLS`. Together they may have so many empty ones: a year in twelve
    full sheets costs what it weighs, thirty sheets of nothing would cost time for nothing.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._empty = 0

    def check(self, area: Area) -> None:
        """One more sheet, or as much of it as is known yet.

        Raises:
            TooManyCells: it reaches too far.
        """
        if area.is_too_large:
            raise self.refusal(area)

    def close(self, area: Area) -> None:
        """A sheet that is known to its end.

        Raises:
            TooManyCells: it reaches too far, or all do together.
        """
        self.check(area)
        self._empty += max(area.cells - area.written, 0)
        if self._empty > MOST_CELLS:
            raise self.refusal(area)

    def refusal(self, area: Area) -> TooManyCells:
        """What is said of a workbook with such a sheet."""
        return TooManyCells(file=self._name, cell=area.corner, millions=MOST_CELLS // 1_000_000)

    def broken(self) -> NotATable:
        """What is said of a workbook that does not keep to its own format."""
        return broken_workbook(self._name)


def broken_workbook(name: str) -> NotATable:
    """What is said of a workbook that cannot be opened."""
    return NotATable(
        file=name,
        reason="o Excel não pôde ser aberto (protegido por senha ou danificado)",
        reason_en="the workbook could not be opened (protected by a password, or broken)",
    )
