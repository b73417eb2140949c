"""The parts of a workbook that is a ZIP, each read to its end before the workbook's reader is let at it."""

import copy
import re
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from typing import Final

from app.processing.reader.extents import ods, xlsb, xlsx
from app.processing.reader.extents.area import Areas

UNREADABLE: Final = (
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, RuntimeError),
)
_CHUNK: Final = 1 << 17  # small enough that looking at it twice finds it in the cache
_MAIN_PART: Final = {"xl/workbook.xml": "xlsx", "xl/workbook.bin": "xlsb", ods.CONTENT: "ods"}
_RELATIONS: Final = "xl/_rels/workbook.bin.rels"
_LONGEST_RELATIONS: Final = 1 << 20
_TARGET: Final = re.compile(rb"""Target\s*=\s*["']([^"']*)["']""")


def format_of(archive: zipfile.ZipFile) -> str | None:
    """The format whose main part there is, looked for in the order in which readers do."""
    names = set(archive.namelist())
    return next((ending for part, ending in _MAIN_PART.items() if part in names), None)


def check_parts(archive: zipfile.ZipFile, areas: Areas) -> None:
    """Hold every part to the size its directory says, and its cells to what may be laid out.

    Raises:
        NotATable: a part does not tell the truth about itself.
        TooManyCells: the cells reach too far.
        UNREADABLE: a part cannot be unpacked.
    """
    check = {"xlsx": _check_xlsx, "xlsb": _check_xlsb, "ods": _check_ods}[format_of(archive) or "xlsx"]
    for member in archive.infolist():
        check(archive, member, areas)


def _check_xlsx(archive: zipfile.ZipFile, member: zipfile.ZipInfo, areas: Areas) -> None:
    part = xlsx.FirstSight()
    with closing(unpacked(archive, member, areas)) as chunks:
        for chunk in chunks:
            part.feed(chunk)
    part.close()
    if part.strings > member.file_size:
        raise areas.broken()
    if part.is_sheet:
        is_seen = part.is_clear and not part.area.is_too_large
        with closing(unpacked(archive, member, areas)) as chunks:
            areas.close(part.area if is_seen else xlsx.walk_sheet(chunks, areas))


def _check_ods(archive: zipfile.ZipFile, member: zipfile.ZipInfo, areas: Areas) -> None:
    with closing(unpacked(archive, member, areas)) as chunks:
        if member.filename == ods.CONTENT:
            ods.walk_content(chunks, areas)
        for _ in chunks:
            pass


def _check_xlsb(archive: zipfile.ZipFile, member: zipfile.ZipInfo, areas: Areas) -> None:
    with closing(unpacked(archive, member, areas)) as chunks:
        if member.filename.lower().endswith(".bin") or _is_named_sheet(archive, member):
            areas.close(xlsb.walk_part(chunks, areas, size=member.file_size))
        for _ in chunks:
            pass


def _is_named_sheet(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether the workbook says that this part is one of its own, whatever its ending."""
    try:
        with archive.open(_RELATIONS) as source:
            said = source.read(_LONGEST_RELATIONS)
    except KeyError:
        return False
    name = member.filename.rpartition("/")[2].encode()
    return any(target.rpartition(b"/")[2] == name for target in _TARGET.findall(said))


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, areas: Areas) -> Generator[bytes]:
    """A part as it comes, which is refused if it is longer than the directory says.

    `zipfile` would stop there, and readers of workbooks would not.
    """
    honest = copy.copy(member)
    honest.file_size, honest.CRC = member.file_size + 1, None  # type: ignore[assignment]  # no sum of a part is asked for
    left = honest.file_size
    with archive.open(honest) as source:
        while chunk := source.read(min(left, _CHUNK)):
            left -= len(chunk)
            yield chunk
    if left == 0:
        raise areas.broken()
