"""Files are read in blocks, and the size of a block changes nothing but memory."""

from pathlib import Path

import polars as pl

from app.domain.uploads import IncomingFile, Table
from app.processing.reader import records
from app.processing.reader.recognition import recognise
from app.processing.reader.records import Layout, frames
from app.processing.reader.sheets import LINE
from app.processing.validator.filling import FilledDown
from app.processing.values.typed import typed

LAYOUT = Layout(";", 3)


def test_small_blocks_hold_the_records_of_large_ones(tmp_path: Path) -> None:
    file = tmp_path / "itens.csv"
    lines = [f'{at};TV {at}" LED;{at}\n{at};"duas\nlinhas";{at}\n{at};"bem; citado";{at}' for at in range(400)]
    file.write_text("Número do pedido;Descrição;Quantidade\n" + "\n".join(lines) + "\n", encoding="utf-8")
    sales = tmp_path / "vendas.csv"
    sales.write_text("Número do pedido;Data da venda\n1;01/02/2025\n", encoding="utf-8")
    both = [IncomingFile("itens.csv", file, Table.ITEMS), IncomingFile("vendas.csv", sales, Table.SALES)]
    sheet = recognise(both, workdir=tmp_path)[0]
    whole, parts = pl.concat(sheet.cells()), list(sheet.cells(block_bytes=700))
    assert len(parts) > 20
    assert pl.concat(parts).equals(whole)
    assert whole.height == 1200
    assert whole[LINE].n_unique() == 1200


def test_stray_quotes_are_read_one_by_one_at_a_bounded_rate_however_small_the_blocks() -> None:
    block = b'1;"x;2\n' * 2_000
    patient, hurried = (records.frame_of(block, layout=LAYOUT, first_line=1, patience=left) for left in (2_000, 1_999))
    assert (patient.awkward, hurried.awkward) == (2_000, 0)
    read = list(frames(iter([block] * 400), layout=LAYOUT, first_line=1))
    as_written = [frame["1"].str.starts_with('"').all() for frame in read]
    assert as_written[0] is False
    assert as_written[-1] is True, "by then its patience is at an end"
    assert sum(frame.height for frame in read) == 800_000


def test_orders_are_filled_down_alike_wherever_a_block_ends(tmp_path: Path) -> None:
    file = tmp_path / "itens.csv"
    rows = ["4;27/09/2026;A;1", "x;2;;", "4;;B;", "4;;C;3", ";;D;1"]
    file.write_text("Pedido;Data;SKU;Qtd\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (sheet,) = recognise([IncomingFile("itens.csv", file, Table.ITEMS)], workdir=tmp_path)
    (cells,) = sheet.cells()
    whole = FilledDown(sheet)(cells, typed(sheet, cells).values)
    for cut in range(1, len(rows)):
        filled_down, blocks = FilledDown(sheet), (cells.head(cut), cells.slice(cut))
        assert pl.concat([filled_down(block, typed(sheet, block).values) for block in blocks]).equals(whole)
