"""Workbooks written byte by byte, so that they may say of themselves what no program would write."""

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

HEAD: Final = ("Pedido", "Data", "SKU", "Quantidade")
FIRST: Final = ("1", "18/09/2026", "A", "2")
FAR: Final = "XFD1048576"
_END: Final = 0xFFFFFFFE
_FREE: Final = 0xFFFFFFFF
_NUMBER: Final = b"<v>1</v>"

Cell = tuple[int, int, str]
TABLE: Final[Sequence[Cell]] = [
    (row, column, text) for row, line in enumerate((HEAD, FIRST)) for column, text in enumerate(line)
]


def zipped(parts: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


# --- XLSX ---------------------------------------------------------------------------------------------------------


def xlsx(*sheets: bytes, strings: bytes | None = None) -> bytes:
    """A workbook of these sheets, each the whole part."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(f'<sheet name="T{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
    targets = "".join(
        f'<Relationship Id="r{n}" Type="{_TYPE}/worksheet" Target="worksheets/s{n}.xml"/>' for n in numbers
    )
    if strings is not None:
        targets += f'<Relationship Id="s" Type="{_TYPE}/sharedStrings" Target="sharedStrings.xml"/>'
    book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_TYPE}"><sheets>{listed}</sheets></workbook>'
    parts = {
        "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": _relations(f'<Relationship Id="w" Type="{_TYPE}/officeDocument" Target="xl/workbook.xml"/>'),
        "xl/workbook.xml": book.encode(),
        "xl/_rels/workbook.xml.rels": _relations(targets),
        **{f"xl/worksheets/s{n}.xml": sheet for n, sheet in zip(numbers, sheets, strict=True)},
    }
    return zipped(parts if strings is None else {**parts, "xl/sharedStrings.xml": strings})


def sheet(more: bytes = b"", *, dimension: str = "A1:D2", prefix: bytes = b"") -> bytes:
    """A sheet with our table and `more` rows."""
    rows = b"".join(
        b'<row r="%d">%s</row>' % (row + 1, b"".join(text_cell(row, column, text) for column, text in enumerate(line)))
        for row, line in enumerate((HEAD, FIRST))
    )
    body = b'<worksheet xmlns="%s"><dimension ref="%s"/><sheetData>%s</sheetData></worksheet>' % (
        *(_MAIN.encode(), dimension.encode()),
        rows + more,
    )
    if not prefix:
        return body
    named = body.replace(b"xmlns=", b"xmlns:" + prefix + b"=").replace(b"<", b"<" + prefix + b":")
    return named.replace(b"<" + prefix + b":/", b"</" + prefix + b":")


def text_cell(row: int, column: int, text: str) -> bytes:
    letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[column]
    return f'<c r="{letter}{row + 1}" t="inlineStr"><is><t>{text}</t></is></c>'.encode()


def cell(reference: str = FAR) -> bytes:
    """One more row with one more cell."""
    row = reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return f'<row r="{row}"><c r="{reference}"><v>1</v></c></row>'.encode()


_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _relations(targets: str) -> bytes:
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{targets}</Relationships>'.encode()


# --- ODS ----------------------------------------------------------------------------------------------------------


def ods(*tables: str) -> bytes:
    """A workbook of these tables, each its rows."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    body = "".join(f'<table:table table:name="T{at}">{rows}</table:table>' for at, rows in enumerate(tables))
    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet>{body}</office:spreadsheet>"
        "</office:body></office:document-content>"
    )
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    return zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": manifest.encode(),
            "content.xml": content.encode(),
        }
    )


def ods_rows(lines: Iterable[Iterable[str]] = (HEAD, FIRST)) -> str:
    return "".join(ods_row("".join(map(ods_text, line))) for line in lines)


def ods_row(cells: str, *, times: int = 1) -> str:
    return f'<table:table-row table:number-rows-repeated="{times}">{cells}</table:table-row>'


def ods_text(text: str, *, times: int = 1) -> str:
    repeated = f'table:number-columns-repeated="{times}"'
    return f'<table:table-cell {repeated} office:value-type="string"><text:p>{text}</text:p></table:table-cell>'


def ods_blank(times: int) -> str:
    return f'<table:table-cell table:number-columns-repeated="{times}"/>'


# --- XLS ----------------------------------------------------------------------------------------------------------


def xls(*sheets: bytes, strings: int | None = None, sheets_at: Sequence[int] | None = None) -> bytes:
    """A BIFF8 workbook in its container; `sheets_at` lists sheets by number, once each unless it says otherwise."""
    order = range(len(sheets)) if sheets_at is None else sheets_at
    names = [b"T%d" % at for at in range(len(order))]
    start = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    promised = b"" if strings is None else _record(0x00FC, struct.pack("<II", strings, strings))
    bound = sum(len(_record(0x0085, bytes(8) + name)) for name in names)
    first = len(start) + bound + len(promised) + 4
    places = [first + sum(map(len, sheets[:at])) for at in order]
    listed = (
        _record(0x0085, struct.pack("<IBBBB", place, 0, 0, len(name), 0) + name)
        for place, name in zip(places, names, strict=True)
    )
    return ole(start + b"".join(listed) + promised + _record(0x000A, b"") + b"".join(sheets))


def xls_sheet(cells: Iterable[Cell] = TABLE, *, dimensions: tuple[int, int, int, int] = (0, 2, 0, 4)) -> bytes:
    """A sheet: first and last row and column but one, and its texts."""
    return b"".join(
        (
            _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0)),
            _record(0x0200, struct.pack("<IIHHH", *dimensions, 0)),
            *(
                _record(0x0204, struct.pack("<HHHHB", row, column, 0, len(text), 0) + text.encode("latin-1"))
                for row, column, text in cells
            ),
            _record(0x000A, b""),
        )
    )


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def ole(stream: bytes, **header: int) -> bytes:
    """A container with one stream; `header` sets numbers of its first sector, by their place: `at_44=9`."""
    content = stream.ljust(-(-max(len(stream), 4096) // 512) * 512, b"\0")
    sectors = len(content) // 512
    tables = -(-(sectors + 1 + 1) // 127)
    chain = [*range(1, sectors), _END, _END, *[0xFFFFFFFD] * tables]
    chain += [_FREE] * (tables * 128 - len(chain))
    root = _directory("Root Entry", kind=5, start=_END, size=0)
    entry = _directory("Workbook", kind=2, start=0, size=len(content))
    head = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0"))
    struct.pack_into("<HHHHH", head, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<IIIIIIIII", head, 40, 0, tables, sectors, 0, 4096, _END, 0, _END, 0)
    places = [*range(sectors + 1, sectors + 1 + tables), *[_FREE] * (109 - tables)]
    struct.pack_into("<109I", head, 76, *places)
    for place, number in header.items():
        struct.pack_into("<I", head, int(place.removeprefix("at_")), number)
    return bytes(head) + content + (root + entry).ljust(512, b"\0") + struct.pack(f"<{len(chain)}I", *chain)


def _directory(name: str, *, kind: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sIQQIII", text, len(text) + 2, kind, 1, _FREE, _FREE, 1, b"", 0, 0, 0, start, size, 0
    )


# --- XLSB ---------------------------------------------------------------------------------------------------------


def xlsb(*sheets: bytes, ending: str = "bin", strings: int | None = None) -> bytes:
    """A binary workbook of these sheets, each the whole part."""
    numbers = range(1, len(sheets) + 1)
    listed = b"".join(_binary(0x009C, struct.pack("<II", 0, n) + _wide(f"r{n}") + _wide(f"T{n}")) for n in numbers)
    book = _binary(0x0083) + _binary(0x0099, bytes(12)) + _binary(0x008F) + listed + _binary(0x0090) + _binary(0x0084)
    targets = "".join(
        f'<Relationship Id="r{n}" Type="{_TYPE}/worksheet" Target="worksheets/s{n}.{ending}"/>' for n in numbers
    )
    parts = {
        "xl/workbook.bin": book,
        "xl/_rels/workbook.bin.rels": _relations(targets),
        **{f"xl/worksheets/s{n}.{ending}": sheet for n, sheet in zip(numbers, sheets, strict=True)},
    }
    if strings is not None:
        parts["xl/sharedStrings.bin"] = _binary(0x009F, struct.pack("<II", strings, strings)) + _binary(0x00A0)
    return zipped(parts)


def xlsb_sheet(cells: Iterable[Cell] = TABLE) -> bytes:
    """A sheet: rows and the texts in them."""
    records, row = [_binary(0x0081), _binary(0x0094, struct.pack("<IIII", 0, 1, 0, 3)), _binary(0x0091)], -1
    for at, column, text in cells:
        if at != row:
            row = at
            records.append(_binary(0x0000, struct.pack("<II", row, 0) + bytes(17)))
        records.append(_binary(0x0006, struct.pack("<II", column, 0) + _wide(text)))
    return b"".join([*records, _binary(0x0092), _binary(0x0082)])


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _binary(kind: int, content: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, left = b"", len(content)
    while left >= 0x80:
        length += bytes([left & 0x7F | 0x80])
        left >>= 7
    return head + length + bytes([left]) + content
