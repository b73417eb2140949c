"""Whatever container the files came in, CSV files on disk come out."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from app.domain.errors import EmptyFile, NotATable
from app.domain.uploads import IncomingFile, Table
from app.processing.reader import archives
from app.processing.reader.extents.area import Areas
from app.processing.reader.extents.xls import check_xls
from app.processing.reader.sheets import Limits
from app.processing.reader.workbooks import Tables, Workbook

_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"


class TextFile(NamedTuple):
    """A CSV on disk, the customer's own or one we wrote from a workbook."""

    name: str
    path: Path
    table: Table | None
    encoding: str | None = None
    tab: str | None = None  # of the workbook it was written from
    settled: Mapping[str, str] | None = None  # headings to fields, of a raw copy
    hidden_tabs: tuple[str, ...] = ()  # of the workbook, tables that nobody sees and that were not read


def text_files(file: IncomingFile, *, workdir: Path, limits: Limits) -> Iterator[TextFile]:
    """The CSV files inside what was sent; a ZIP is opened once, a workbook gives its named tab or each that is a table.

    Args:
        file: as it came.
        workdir: a folder of this file's own.
        limits: what an upload may weigh.

    Raises:
        EmptyFile: nothing inside.
        NotATable: broken, encrypted, nested, or without any table that is seen, or without the tab that was named.
        TooManyCells: a workbook's cells reach too far to be laid out.
        UploadTooLarge: it would unpack to more than an upload may weigh.
    """
    head = _head(file)
    if not archives.is_zip(head) or archives.workbook_format(file.path):
        yield from _from_one(file, head, workdir=workdir, limits=limits)
        return
    inside = list(archives.unpacked(file, workdir=workdir, limits=limits))
    if not inside:
        raise EmptyFile(file=file.name)
    for member in inside:
        member_head = _head(member)
        if archives.is_zip(member_head) and not archives.workbook_format(member.path):
            raise NotATable(file=file.name, reason="o ZIP tem outro ZIP dentro", reason_en="the ZIP has another inside")
        yield from _from_one(member, member_head, workdir=workdir, limits=limits)


def _head(file: IncomingFile) -> bytes:
    with file.path.open("rb") as source:
        return source.read(8)


def _from_one(file: IncomingFile, head: bytes, *, workdir: Path, limits: Limits) -> Iterator[TextFile]:
    if archives.is_zip(head):
        archives.check_workbook(file, limits)
        ending = archives.workbook_format(file.path) or "xlsx"
    elif head.startswith(_OLD_EXCEL):
        check_xls(file.path, Areas(file.name))
        ending = "xls"
    else:
        yield TextFile(
            file.name,
            file.path,
            file.table,
            encoding=file.encoding,
            settled=file.settled,
            hidden_tabs=file.hidden_tabs,
        )
        return
    yield from _from_workbook(file, workdir, limits, ending=ending)


def _from_workbook(file: IncomingFile, workdir: Path, limits: Limits, *, ending: str) -> Iterator[TextFile]:
    workbook = Workbook(_named(file.path, ending, workdir), name=file.name, limits=limits)
    tables = workbook.tables(only=file.tab)
    if not tables.read:
        raise _without_table(file, tables)
    written = []
    for number, (tab, heading_row) in enumerate(tables.read):
        target = workdir / f"{file.path.stem}-tab-{number}.csv"
        has_rows = workbook.write_csv(tab, heading_row=heading_row, target=target)
        written.append((tab, target, has_rows))
    filled = [tab for tab in written if tab[-1]] or written[:1]  # the months still to come have a heading alone
    for number, (tab, target, _) in enumerate(filled):
        shown = file.name if len(filled) == 1 else f"{file.name} ({tab})"
        hidden = () if number else tables.hidden
        yield TextFile(shown, target, file.table, tab=tab, hidden_tabs=hidden)


def _without_table(file: IncomingFile, tables: Tables) -> NotATable:
    if not tables.hidden:
        return NotATable(
            file=file.name,
            reason="nenhuma aba tem os nomes das colunas nas primeiras linhas",
            reason_en="no tab has the names of the columns on its first rows",
        )
    names = ", ".join(tables.hidden)
    return NotATable(
        file=file.name,
        reason=f"as abas com tabela estão ocultas ({names}); no Excel, clique com o botão direito em qualquer aba, "
        "escolha Reexibir e salve, ou diga qual aba ler",
        reason_en=f"the tabs that hold a table are hidden ({names}); in Excel, right-click any tab, choose Unhide and "
        "save, or name the tab to read",
    )


def _named(path: Path, ending: str, workdir: Path) -> Path:
    """The file under a name that says what it is: its reader goes by the name, and we by what is in it."""
    if path.suffix == f".{ending}":
        return path
    named = workdir / f"{path.stem}-workbook.{ending}"
    named.unlink(missing_ok=True)
    try:
        named.hardlink_to(path)
    except OSError:  # on another disk, or where there are no links
        shutil.copyfile(path, named)
    return named
