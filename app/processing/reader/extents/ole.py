"""The container of old Excel files ([MS-CFB]), held to its own size before a reader follows its chains."""

from pathlib import Path
from struct import unpack_from
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

_HEADER: Final = 512
_SIZES: Final = {9: 512, 12: 4096}  # of sectors, by their shift
_SMALL: Final = 64  # bytes of a sector of small streams, which share the root's
_SMALL_BELOW: Final = 4096
_RESERVED: Final = 0xFFFFFFFA  # greater numbers are no sectors
_NOT_OF_FAT: Final = 0xFFFFFFFC
_END: Final = 0xFFFFFFFE
_ENTRY: Final = 128
_STREAM: Final = 2
_MACROS: Final = "_VBA_PROJECT_CUR"
_IN_HEADER: Final = 109  # places of the table's sectors that the header has room for

Sectors = npt.NDArray[np.uint32]


class BrokenContainer(Exception):
    """A chain leaves the file, has no end, or shares a sector with another."""


class _Entry(NamedTuple):
    name: str
    type: int
    start: int
    size: int


def stream_of(path: Path, names: tuple[str, ...]) -> memoryview | None:
    """The first stream there is of these names; None: there is none.

    Raises:
        BrokenContainer: the file, or what its readers follow of it, does not keep to its format.
    """
    if path.stat().st_size < _HEADER:
        raise BrokenContainer
    container = _Container(np.memmap(path, dtype=np.uint8, mode="r"))
    entries = container.entries
    if any(entry.name == _MACROS for entry in entries):  # they are read along
        for entry in entries:
            if entry.type == _STREAM:
                container.chain_of(entry)
    for name in names:
        found = next((entry for entry in entries if entry.name == name), None)
        if found is not None:
            return container.read(found)
    return None


class _Container:
    """Sectors, and the chains of them."""

    def __init__(self, content: npt.NDArray[np.uint8]) -> None:
        head = content[:_HEADER].tobytes()
        self._size = _SIZES.get(unpack_from("<H", head, 30)[0], 0)
        if not self._size:
            raise BrokenContainer
        self._content = content
        self._count = -(-max(len(content) - self._size, 0) // self._size)
        self._left = 4 * self._count + _ENTRY  # sectors that may be followed
        counts = [unpack_from("<I", head, place)[0] for place in (40, 44, 64, 72)]
        if max(counts) > self._count:
            raise BrokenContainer
        self._fat = self._table(self._fat_sectors(head))
        self.entries = self._directory(self._chain(unpack_from("<I", head, 48)[0]))
        if not self.entries:
            raise BrokenContainer
        has_small = counts[2] > 0
        self._small_fat = self._table(self._chain(unpack_from("<I", head, 60)[0]) if has_small else [])
        self._small = self._joined(self._chain(self.entries[0].start) if has_small else [])
        self._small_left = 4 * len(self._small) // _SMALL + _ENTRY

    def chain_of(self, entry: _Entry) -> list[int]:
        """The sectors of a stream."""
        if entry.size > len(self._content):
            raise BrokenContainer
        if entry.size >= _SMALL_BELOW:
            return self._chain(entry.start)
        chain = _followed(entry.start, self._small_fat, most=min(self._small_left, len(self._small_fat)))
        self._small_left -= len(chain)
        return chain

    def read(self, entry: _Entry) -> memoryview:
        """The bytes of a stream."""
        sectors = self.chain_of(entry)
        if entry.size >= _SMALL_BELOW:
            joined = self._joined(sectors)
        else:
            parts = [self._small[at * _SMALL : (at + 1) * _SMALL] for at in sectors]
            joined = np.concatenate(parts) if parts else np.empty(0, np.uint8)
        return np.ascontiguousarray(joined[: entry.size or None]).data

    def _fat_sectors(self, head: bytes) -> list[int]:
        """Where the table of chains is: in the header, and in sectors of its own when it is long."""
        found = list(unpack_from(f"<{_IN_HEADER}I", head, 76))
        following, seen = unpack_from("<I", head, 68)[0], set[int]()
        while following < _RESERVED:
            if following in seen:
                raise BrokenContainer
            seen.add(following)
            numbers = self._table([following])
            found += [int(number) for number in numbers[:-1]]
            following = int(numbers[-1])
        sectors = [sector for sector in found if sector < _NOT_OF_FAT]
        if len(set(sectors)) < len(sectors):
            raise BrokenContainer
        return sectors

    def _joined(self, sectors: list[int]) -> npt.NDArray[np.uint8]:
        """Sectors in a row, without a copy where they lie side by side."""
        if not sectors:
            return np.empty(0, np.uint8)
        if max(sectors) >= self._count:
            raise BrokenContainer
        starts = [(sector + 1) * self._size for sector in sectors]
        if sectors == list(range(sectors[0], sectors[0] + len(sectors))):
            return self._content[starts[0] : starts[0] + len(sectors) * self._size]
        return np.concatenate([self._content[start : start + self._size] for start in starts])

    def _table(self, sectors: list[int]) -> Sectors:
        joined = np.ascontiguousarray(self._joined(sectors))
        return joined[: len(joined) // 4 * 4].view("<u4")

    def _chain(self, start: int) -> list[int]:
        chain = _followed(start, self._fat, most=min(self._left, self._count))
        self._left -= len(chain)
        return chain

    def _directory(self, sectors: list[int]) -> list[_Entry]:
        content = self._joined(sectors).tobytes()
        layout = "<II" if self._size == _HEADER else "<IQ"
        return [_entry(content[at : at + _ENTRY], layout) for at in range(0, len(content) - _ENTRY + 1, _ENTRY)]


def _followed(start: int, table: Sectors, *, most: int) -> list[int]:
    chain: list[int] = []
    sector = start
    while sector != _END:
        if sector >= len(table) or len(chain) >= most:
            raise BrokenContainer
        chain.append(sector)
        sector = int(table[sector])
    return chain


def _entry(content: bytes, layout: str) -> _Entry:
    name = content[:64].decode("utf-16-le", errors="replace").partition("\0")[0]
    start, size = unpack_from(layout, content, 116)
    return _Entry(name, content[66], start, size)
