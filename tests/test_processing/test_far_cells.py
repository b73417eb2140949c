"""A workbook whose cells reach far is refused before its reader takes memory for all that lies between."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.errors import TooManyCells
from app.domain.uploads import IncomingFile
from app.processing.reader.opening import text_files
from app.processing.reader.sheets import Limits
from tests.test_processing.workbooks_by_hand import (
    FIRST,
    HEAD,
    TABLE,
    cell,
    ods,
    ods_blank,
    ods_row,
    ods_rows,
    ods_text,
    sheet,
    xls,
    xls_sheet,
    xlsb,
    xlsb_sheet,
    xlsx,
    zipped,
)

LAST = (1_048_575, 16_383, "x")
FAR_OLD = [*TABLE, (65_535, 255, "x")]
FAR_ROWS = ods_row(ods_blank(16_383) + ods_text("x"), times=1)

FAR: dict[str, tuple[str, Callable[[], bytes]]] = {
    "the last cell": ("ano.xlsx", lambda: xlsx(sheet(cell()))),
    "a dimension that says nothing of it": ("ano.xlsx", lambda: xlsx(sheet(cell("ZZ60000"), dimension="A1:D2"))),
    "names with a prefix": ("ano.xlsx", lambda: xlsx(sheet(cell(), prefix=b"x"))),
    "the second sheet": ("ano.xlsx", lambda: xlsx(sheet(), sheet(cell()))),
    "under the name of an old workbook": ("ano.xls", lambda: xlsx(sheet(cell()))),
    "binary": ("ano.xlsb", lambda: xlsb(xlsb_sheet([*TABLE, LAST]))),
    "open document": ("ano.ods", lambda: ods(ods_rows() + ods_row("", times=1_048_000) + FAR_ROWS)),
    "rows repeated": ("ano.ods", lambda: ods(ods_rows() + ods_row(ods_text("x", times=16_384), times=1_048_000))),
    "in a zip": ("ano.zip", lambda: zipped({"ano.xlsx": xlsx(sheet(cell()))})),
}


def opened(folder: Path, name: str, content: bytes) -> list[str]:
    file = folder / name
    file.write_bytes(content)
    work = folder / "work"
    work.mkdir()
    return [text.path.read_text() for text in text_files(IncomingFile(name, file), workdir=work, limits=Limits())]


@pytest.mark.parametrize("case", FAR)
def test_cells_that_reach_too_far_are_refused_with_what_to_do(tmp_path: Path, case: str) -> None:
    name, content = FAR[case]
    with pytest.raises(TooManyCells) as refused:
        opened(tmp_path, name, content())
    assert "Ctrl+End" in refused.value.detail()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.xlsx", lambda: xlsx(sheet(dimension="A1:XFD1048576"))),  # it only says so
        ("v.xlsx", lambda: xlsx(sheet())),
        ("v.xlsb", lambda: xlsb(xlsb_sheet())),
        ("v.ods", lambda: ods(ods_rows() + ods_row(ods_blank(16_384), times=1_048_000))),  # nothing, repeated
        ("v.xls", lambda: xls(xls_sheet())),
        ("v.xls", lambda: xls(xls_sheet(FAR_OLD, dimensions=(0, 65_536, 0, 256)))),  # all of an old sheet is little
    ],
    ids=["lying dimension", "xlsx", "xlsb", "blank rows", "xls", "full old sheet"],
)
def test_an_ordinary_table_is_read_whatever_its_workbook_says_of_its_size(
    tmp_path: Path, name: str, content: Callable[[], bytes]
) -> None:
    [text] = opened(tmp_path, name, content())
    assert text.splitlines()[:2] == [";".join(HEAD), ";".join(FIRST)] or text.startswith(f"{HEAD[0]};")


MEASURE = """
import sys
from pathlib import Path
from app.domain.errors import TooManyCells
from app.domain.uploads import IncomingFile
from app.processing.reader.opening import text_files
from app.processing.reader.sheets import Limits

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024

before = peak()
file = Path(sys.argv[1])
try:
    list(text_files(IncomingFile(file.name, file), workdir=file.parent, limits=Limits()))
except TooManyCells:
    print(peak() - before)
"""


@pytest.mark.parametrize("case", FAR)
def test_refusing_it_costs_less_than_200_mb(tmp_path: Path, case: str) -> None:
    name, content = FAR[case]
    file = tmp_path / name
    file.write_bytes(content())
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file)],
        env={**os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 200_000_000


def test_a_million_cells_in_the_middle_of_nowhere_are_no_table(tmp_path: Path) -> None:
    rows = b"".join(b'<row r="%d"><c r="A%d"><v>1</v></c></row>' % (at, at) for at in range(3, 40_000))
    far = rows + cell("ZZ60000")
    with zipfile.ZipFile(tmp_path / "far.zip", "w") as archive:
        archive.writestr("v.xlsx", xlsx(sheet(far)))
    with pytest.raises(TooManyCells):
        opened(tmp_path, "far2.zip", (tmp_path / "far.zip").read_bytes())
