"""How far cells reach is told whichever way they are written, and never as less than their reader lays out."""

import random
import struct
from collections.abc import Callable
from pathlib import Path

import fastexcel
import pytest

from app.domain.errors import BadInput, NotATable, TooManyCells
from app.domain.uploads import IncomingFile
from app.processing.reader.extents.area import MOST_CELLS, Area, Areas
from app.processing.reader.extents.xlsx import FirstSight, walk_sheet
from app.processing.reader.opening import text_files
from app.processing.reader.sheets import Limits
from tests.test_processing.workbooks_by_hand import (
    HEAD,
    TABLE,
    cell,
    ods,
    ods_row,
    ods_rows,
    ods_text,
    ole,
    sheet,
    xls,
    xls_sheet,
    xlsb,
    xlsb_sheet,
    xlsx,
)

Content = Callable[[], bytes]


def opened(folder: Path, name: str, content: bytes) -> list[str]:
    """The CSV files that come out of it."""
    file = folder / name
    file.write_bytes(content)
    work = folder / "work"
    work.mkdir()
    return [text.path.read_text() for text in text_files(IncomingFile(name, file), workdir=work, limits=Limits())]


# --- in whichever way a cell is written ---------------------------------------------------------------------------

WAYS = {
    "after its style": b'<row r="60000"><c s="0" r="ZZ60000"><v>1</v></c></row>',
    "in small letters": b'<row r="60000"><c r="zz60000"><v>1</v></c></row>',
    "between single quotes": b"<row r='60000'><c r='ZZ60000'><v>1</v></c></row>",
    "over several lines": b'<row r="60000"><c\n\tr = "ZZ60000"\n><v>1</v></c></row>',
    "in another row than its own": b'<row r="3"><c r="ZZ60000"><v>1</v></c></row>',
    "by its place alone": b'<row r="60000"><c r="ZY1"><v>1</v></c><c><v>1</v></c></row>',
    "after a row that is only there": b'<row r="60000"/><row><c r="ZZ1"><v>1</v></c><c><v>1</v></c></row>',
    "behind a row that is commented out": (
        b'<row r="60000"><!-- </row><row r="1"> --><c r="ZY1"><v>1</v></c><c><v>1</v></c></row>'
    ),
    "with another prefix": b'<k:row r="60000"><k:c r="ZZ60000"><k:v>1</k:v></k:c></k:row>',
    "as a text of its own": b'<row r="60000"><c r="ZZ60000" t="inlineStr"><is><t>a</t></is></c></row>',
    "as what a formula came to": b'<row r="60000"><c r="ZZ60000" t="str"><f>A1</f><v>a</v></c></row>',
    "beyond every column": b'<row r="3"><c r="AAAAA3"><v>1</v></c></row>',
    "beyond every row": b'<row r="4000000"><c r="A4000000"><v>1</v></c></row>',
}


@pytest.mark.parametrize("way", WAYS)
def test_a_cell_far_away_is_found_in_whichever_way_it_is_written(tmp_path: Path, way: str) -> None:
    with pytest.raises(TooManyCells):
        opened(tmp_path, "ano.xlsx", xlsx(sheet(WAYS[way])))


HARMLESS = {
    "a cell with nothing but a style": b'<row r="1048576"><c r="XFD1048576" s="0"/></row>',
    "a formula that came to nothing": b'<row r="1048576"><c r="XFD1048576"><f>A1</f></c></row>',
    "a cell that is commented out": b"<!-- " + cell() + b" -->",
    "a cell in a text": b'<row r="3"><c r="A3" t="inlineStr"><is><t><![CDATA[' + cell() + b"]]></t></is></c></row>",
    "rows that have a height alone": b'<row r="1048576" ht="15" spans="1:16384"/>',
    "control characters": b'<row r="3"><c s="0" r="A3" t="inlineStr"><is><t>a\x01\x0bb</t></is></c></row>',
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_no_reader_lays_out_hinders_nobody(tmp_path: Path, kind: str) -> None:
    (text,) = opened(tmp_path, "ano.xlsx", xlsx(sheet(HARMLESS[kind])))
    assert text.splitlines()[0] == ";".join(HEAD)


def test_no_sheet_is_taken_for_smaller_than_its_reader_lays_it_out(tmp_path: Path) -> None:
    """The walk is exact but for what is empty, and the first sight is never less, however the bytes are cut."""
    path, clear, exact = tmp_path / "any.xlsx", 0, 0
    for seed in range(400):
        drawn = random.Random(seed)  # noqa: S311  no secret
        part = _any_sheet(drawn)
        path.write_bytes(xlsx(part))
        loaded = fastexcel.read_excel(path).load_sheet(0, header_row=None, skip_rows=0, dtypes="string")
        laid_out = loaded.total_height * loaded.width
        sight = _seen(part, step=drawn.choice([1, 7, 100, len(part)]))
        walked = walk_sheet(iter([part]), Areas("any.xlsx")).cells
        assert walked >= laid_out, part
        assert not sight.is_clear or sight.area.cells >= walked, part
        clear += sight.is_clear
        exact += walked == laid_out
    assert clear > 40
    assert exact > 150


def _seen(part: bytes, *, step: int) -> FirstSight:
    sight = FirstSight()
    for at in range(0, len(part), step):
        sight.feed(part[at : at + step])
    sight.close()
    assert sight.is_sheet
    return sight


def _any_sheet(drawn: random.Random) -> bytes:
    rows = b"".join(_any_row(drawn, plain=drawn.random() < 0.5) for _ in range(drawn.randint(1, 6)))
    return sheet(rows, prefix=b"" if b"<!" in rows else drawn.choice([b"", b"x"]))


def _any_row(drawn: random.Random, *, plain: bool) -> bytes:
    start = f'<row r="{drawn.randint(1, 900)}">' if plain or drawn.random() < 0.7 else "<row>"
    if not plain and drawn.random() < 0.1:
        return start.replace(">", "/>").encode()
    return (start + "".join(_any_cell(drawn, plain=plain) for _ in range(drawn.randint(0, 4))) + "</row>").encode()


def _any_cell(drawn: random.Random, *, plain: bool) -> str:
    column, row = drawn.choice(["A", "B", "Z", "AB", "BC"]), drawn.randint(1, 900)
    reference = f"{column}{row}"
    ways = [f' r="{reference}"', "", f' s="0" r="{reference}"', f" r='{reference.lower()}'", f'\n r = "{reference}"']
    values = ["<v>1</v>", "<f>1</f><v>2</v>", "", '<v><![CDATA[<c r="ZZ9000"/>]]></v>', '<!-- </row><row r="1"> -->']
    return f"<c{ways[0] if plain else drawn.choice(ways)}>{drawn.choice(values[:3] if plain else values)}</c>"


# --- several sheets -----------------------------------------------------------------------------------------------


def test_sheets_that_are_each_small_enough_may_be_too_much_of_nothing_together(tmp_path: Path) -> None:
    large = sheet(cell("Z500000"))  # 13 million cells, nine of them written
    with pytest.raises(TooManyCells):
        opened(tmp_path, "ano.xlsx", xlsx(sheet(), large, large))


def test_twelve_full_sheets_are_an_ordinary_year() -> None:
    areas, month = Areas("ano.xlsx"), Area()
    month.add(0, 0, to_row=199_999, to=9)
    month.written = month.cells
    for _ in range(12):
        areas.close(month)
    assert 12 * month.cells > MOST_CELLS


def test_a_sheet_that_is_listed_many_times_counts_as_often(tmp_path: Path) -> None:
    full = xls_sheet([*TABLE, (65_535, 255, "x")])
    with pytest.raises(TooManyCells):
        opened(tmp_path, "ano.xls", xls(full, sheets_at=[0] * 20))


# --- what says more of itself than there is -----------------------------------------------------------------------

STRINGS = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="2" uniqueCount="%s"/>'
LIES: dict[str, tuple[str, Content, type[BadInput]]] = {
    "texts": ("v.xlsx", lambda: xlsx(sheet(), strings=STRINGS % b"900000000000"), NotATable),
    "texts, after much else": (
        "v.xlsx",
        lambda: xlsx(sheet(), strings=b" " * 300_000 + STRINGS % b"900000000"),
        NotATable,
    ),
    "binary texts": ("v.xlsb", lambda: xlsb(xlsb_sheet(), strings=2_000_000_000), NotATable),
    "an old sheet's size": ("v.xls", lambda: xls(xls_sheet(dimensions=(0, 4_000_000_000, 0, 65_535))), TooManyCells),
    "an old sheet's cell": ("v.xls", lambda: xls(xls_sheet([*TABLE, (40_000, 20_000, "x")])), TooManyCells),
    "sectors of the table": ("v.xls", lambda: ole(b"", at_44=4_000_000_000), NotATable),
    "sectors of the directory": ("v.xls", lambda: ole(b"", at_40=4_000_000_000), NotATable),
    "sectors of small streams": ("v.xls", lambda: ole(b"", at_64=4_000_000_000), NotATable),
    "a directory outside the file": ("v.xls", lambda: ole(b"", at_48=4_000_000_000), NotATable),
    "a table outside the file": ("v.xls", lambda: ole(b"", at_76=3_000_000_000), NotATable),
    "a chain without an end": ("v.xls", lambda: ole(b"", at_68=0, at_72=1), NotATable),
    "a stream that begins again": ("v.xls", lambda: _with_chain(xls(xls_sheet()), first=0), NotATable),
    "a binary column": ("v.xlsb", lambda: xlsb(xlsb_sheet([*TABLE, (1, 400_000_000, "x")])), TooManyCells),
    "a binary sheet called a picture": (
        "v.xlsb",
        lambda: xlsb(xlsb_sheet([*TABLE, (300_000, 999, "x")]), ending="png"),
        TooManyCells,
    ),
    "spaces": ("v.ods", lambda: ods(ods_rows() + ods_row(ods_text('<text:s text:c="2000000000"/>'))), NotATable),
    "a document type": (
        "v.xlsx",
        lambda: xlsx(b'<!DOCTYPE x [<!ENTITY e "a">]>' + sheet(b"<!DOCTYPE y []>")),
        NotATable,
    ),
}


@pytest.mark.parametrize("kind", LIES)
def test_what_promises_more_than_there_is_is_not_believed(tmp_path: Path, kind: str) -> None:
    name, content, error = LIES[kind]
    with pytest.raises(error) as refused:
        opened(tmp_path, name, content())
    assert refused.value.detail("en")


def _with_chain(book: bytes, *, first: int) -> bytes:
    """The container with another sector after its first."""
    return book[:-512] + struct.pack("<I", first) + book[-508:]


def test_a_table_within_a_cell_does_not_set_the_rows_back(tmp_path: Path) -> None:
    inner = f'<table:table table:name="within">{ods_row(ods_text("x"))}</table:table>'
    rows = ods_rows() + ods_row("", times=900_000) + ods_row(f"<table:table-cell>{inner}</table:table-cell>")
    with pytest.raises(TooManyCells):
        opened(tmp_path, "ano.ods", ods(rows + ods_row(ods_text("x", times=100))))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.xls", lambda: xlsx(sheet())),
        ("v.xlsx", lambda: xls(xls_sheet())),
        ("v.ods", lambda: xlsx(sheet())),
        ("v.xlsx", lambda: ods(ods_rows())),
        ("v.xls", lambda: xlsb(xlsb_sheet())),
        ("v", lambda: xlsx(sheet())),
    ],
)
def test_a_workbook_is_read_as_what_it_is_whatever_it_is_called(tmp_path: Path, name: str, content: Content) -> None:
    (text,) = opened(tmp_path, name, content())
    assert text.splitlines()[0] == ";".join(HEAD)


def test_a_table_of_too_many_columns_is_refused_before_it_is_laid_out_again(tmp_path: Path) -> None:
    with pytest.raises(NotATable) as refused:
        opened(tmp_path, "ano.xlsx", xlsx(sheet(cell("XFD3"))))
    assert "2000 colunas" in refused.value.detail()
    assert not list((tmp_path / "work").glob("*.csv"))
