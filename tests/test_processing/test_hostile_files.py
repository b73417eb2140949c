"""Files that are not what they say, or too much of it: refused plainly and in bounded memory, or read all the same."""

import io
import struct
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import xlsxwriter

from app.domain.errors import BadInput, MissingColumn, MonthTooLong, NotATable, UploadTooLarge, WrongKindOfFile
from app.domain.uploads import IncomingFile, Table
from app.processing.cleaner.months import IN_MEMORY
from app.processing.reader.sheets import Limits
from tests.test_processing.at_hand import Desk, rows

HEAD = ["Pedido", "Data", "SKU", "Quantidade"]


def refused(desk: Desk, content: bytes, error: type[BadInput], *, name: str, limits: Limits | None = None) -> str:
    with pytest.raises(error) as refusal:
        desk.recognise(desk.file(content, name=name), limits=limits)
    assert refusal.value.detail("en")
    return refusal.value.detail("pt-BR")


def workbook(lines: Sequence[Sequence[str | int]]) -> bytes:
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate(lines):
            sheet.write_row(number, 0, line)
    return packed.getvalue()


def with_part(book: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one of its parts replaced."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, content if part == name else old.read(part))
    return packed.getvalue()


def saying_less(packed: bytes, *, size: int, said: int) -> bytes:
    """A ZIP whose headers claim a smaller size for the member of this size."""
    return packed.replace(struct.pack("<L", size), struct.pack("<L", said))


BOOK = workbook([HEAD, [1, "18/09/2026", "A", 2]])
SHEET = "xl/worksheets/sheet1.xml"


def test_a_workbook_packed_too_tightly_is_refused_unopened(desk: Desk) -> None:
    bomb = with_part(BOOK, SHEET, b"<worksheet>" + b" " * 60_000_000)
    assert "compactado demais" in refused(desk, bomb, NotATable, name="vendas.xlsx")


def test_a_workbook_that_says_less_than_it_holds_is_refused_before_its_reader_believes_it(desk: Desk) -> None:
    size = 5_000_011
    bomb = saying_less(with_part(BOOK, SHEET, b"<worksheet>".ljust(size)), size=size, said=1000)
    assert "danificado" in refused(desk, bomb, NotATable, name="vendas.xlsx")


def test_a_workbook_larger_than_an_upload_may_be_is_refused(desk: Desk) -> None:
    sheet = "".join(f"<c>{number * 7919 % 100_003}</c>" for number in range(300_000)).encode()
    large = with_part(BOOK, SHEET, sheet)
    refused(desk, large, UploadTooLarge, name="vendas.xlsx", limits=Limits(max_bytes=len(large) + 1))


def test_entities_that_multiply_are_not_unfolded(desk: Desk) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    cell = '<row><c t="inlineStr"><is><t>&e11;</t></is></c></row>'
    laughs = f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><worksheet><sheetData>{cell}</sheetData></worksheet>'
    refused(desk, with_part(BOOK, SHEET, laughs.encode()), NotATable, name="vendas.xlsx")


# Counted from the end where it is negative: a workbook tells when it was made, and so its length differs.
@pytest.mark.parametrize("cut", [40, 400, -2600, -30])
def test_half_a_workbook_is_no_workbook(desk: Desk, cut: int) -> None:
    refused(desk, BOOK[:cut], NotATable, name="vendas.xlsx")


def test_a_workbook_locked_by_a_password_says_so(desk: Desk) -> None:
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0" * 100
    assert "senha" in refused(desk, locked, NotATable, name="vendas.xlsx")


def test_a_workbook_without_a_table_says_what_it_looked_for(desk: Desk) -> None:
    assert refused(desk, workbook([["olá"], ["mundo"]]), NotATable, name="vendas.xlsx")


@pytest.mark.parametrize(
    ("heading", "says"),
    [
        ("NSU;Data Transação;Data Pagamento;Valor Bruto;Taxa MDR %;Bandeira", "maquininha"),
        ("Data do lançamento;Histórico;Documento;Crédito;Débito;Saldo", "extrato bancário"),
        ("Vencimento;Data de competência;Valor original;Valor pago;Juros;Multa;Centro de custo", "financeiro"),
        ("Nome;CPF;E-mail;Telefone;Endereço;Bairro;Cidade;UF;CEP", "clientes"),
    ],
)
def test_each_kind_of_wrong_file_is_called_by_its_name(desk: Desk, heading: str, says: str) -> None:
    row = ";".join(["1"] * len(heading.split(";")))
    told = refused(desk, f"{heading}\n{row}\n".encode(), WrongKindOfFile, name="arquivo.csv")
    assert says in told
    assert "Envie" in told


def test_items_without_a_product_are_not_taken_for_sales_that_have_lost_their_quantities(desk: Desk) -> None:
    told = refused(desk, b"Pedido;Data;Treco;Qtd\n1;18/09/2026;caneca;2\n", MissingColumn, name="arquivo.csv")
    assert "sku" in told
    assert "Treco" in told


def test_sales_with_a_count_of_items_are_still_sales(desk: Desk) -> None:
    text = "Pedido;Data;Situação;Qtd\n1;18/09/2026;Concluída;2\n"
    (sheet,) = desk.recognise(desk.file(text, name="arquivo.csv"))
    assert sheet.table is Table.SALES
    (sheet,) = desk.recognise(desk.file("Pedido;Data;Qtd\n1;18/09/2026;2\n", name="v.csv", table=Table.SALES))
    assert sheet.table is Table.SALES


def test_nuls_in_every_place_lose_no_row(desk: Desk) -> None:
    dirty = "Pedido;Data;SKU;Quanti\0dade\n\x001;18/09/2026;A\0;1\n2;18/09/2026;\0;2\n3;18/09/2026;B;3\0\n"
    assert rows(desk.items(dirty + "4;18/09/2026;C;1\n" * 100)) == (103, 102, 1, 0)


def test_a_name_from_another_place_is_only_ever_shown(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "upper" / "middle" / "desk")
    desk.folder.mkdir(parents=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("../../fora.csv", "/etc/passwd.csv", "C:\\Windows\\x.csv", "a\nb\x1b[31m.csv"):
            archive.writestr(name, f"{';'.join(HEAD)}\n1;18/09/2026;A;1\n")
    sheets = desk.recognise(desk.file(packed.getvalue(), name="tudo.zip"))
    assert all(desk.folder in sheet.path.parents for sheet in sheets)
    assert all(sheet.name.isprintable() and "/" not in sheet.name and "\\" not in sheet.name for sheet in sheets)
    outside = {path for path in tmp_path.rglob("*") if desk.folder not in path.parents}
    assert outside == {*desk.folder.parents[:2], desk.folder}


LARGE = {
    "ten million columns": ("b'Pedido;' * 10_000_000", "not-a-table"),
    "one line without an end": ("b'Pedido;Data;SKU;Quantidade\\n' + b'x' * 120_000_000", "not-a-table"),
    "nothing but quotes": ("b'Pedido;Data;SKU;Quantidade\\n' + b'\"' * 120_000_000", "not-a-table"),
    "nothing but zeros": ("bytes(120_000_000)", "empty-file"),
}


@pytest.mark.parametrize(("content", "says"), LARGE.values(), ids=list(LARGE))
def test_monsters_are_refused_in_less_memory_than_they_weigh(tmp_path: Path, content: str, says: str) -> None:
    """In a process of its own, whose peak is that of this file alone."""
    path = tmp_path / "itens.csv"
    maker = f"import sys; open(sys.argv[1], 'wb').write({content})"
    subprocess.run([sys.executable, "-c", maker, str(path)], check=True)
    told = subprocess.run([sys.executable, "-c", PEAK, str(path)], check=True, capture_output=True, text=True)
    code, grown = told.stdout.split()
    assert code == says
    assert int(grown) < 100  # megabytes


PEAK = """
import sys
from datetime import date
from pathlib import Path
from app.domain.errors import BadInput
from app.domain.uploads import IncomingFile
from app.processing.cleaner.preparing import prepare
from app.processing.reader.recognition import recognise
def peak():  # getrusage begins with the memory of the process that started this one
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
path = Path(sys.argv[1])
before = peak()
try:
    sheets = recognise([IncomingFile(path.name, path)], workdir=path.parent)
    prepare(sheets, today=date(2026, 11, 22), workdir=path.parent)
except BadInput as error:
    print(error.code, (peak() - before) // 1024)
"""


def test_a_file_of_the_wrong_kind_in_an_upload_stores_nothing_of_the_others(desk: Desk) -> None:
    good = desk.file(f"{';'.join(HEAD)}\n1;18/09/2026;A;1\n", name="itens.csv")
    statement = desk.file("NSU;Bandeira;Valor Bruto;Terminal\n1;Visa;1,00;9\n", name="stone.csv")
    with pytest.raises(WrongKindOfFile):
        desk.recognise(good, IncomingFile("stone.csv", statement.path))


def test_a_month_of_more_lines_than_memory_holds_is_refused_by_its_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    heading = "Número do pedido;Data da venda;Código (SKU);Quantidade\n"
    january, february = "1;18/01/2026;A;1\n", "1;18/02/2026;A;1\n"
    file = desk.file(heading + january + february * 1_000_001)
    bounds = {"in_memory": IN_MEMORY, "most_lines": 1_000_000}
    monkeypatch.setattr("app.processing.cleaner.months.MonthStore.__init__.__kwdefaults__", bounds)
    with pytest.raises(MonthTooLong) as refusal:
        desk.prepare(file)
    assert refusal.value.detail("pt-BR").startswith("O mês 02/2026 passa de 1 milhões de linhas")
