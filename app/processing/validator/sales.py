"""The sales file: when each sale was made, what became of it, and where."""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain import contract as k
from app.domain.cnpj import Cnpj
from app.domain.findings import ANOTHER_COMPANY, INVALID_BRANCH, MISSING_SALE_ID, REPEATED_SALE, RowCount
from app.processing.reader.records import LINE
from app.processing.reader.sheets import SHEET, Sheet
from app.processing.validator.branches import branches
from app.processing.validator.findings_kept import FindingsKept
from app.processing.validator.noticing import noticed_where, together
from app.processing.validator.screening import Problem, screen
from app.processing.values.different import are_all_different
from app.processing.values.doubtful import doubts
from app.processing.values.moments import date_problems, situations
from app.processing.values.typed import typed

SALE: Final = "sale"  # [UInt32] number of a sale in the frame
_KEPT: Final = (LINE, SHEET, c.ID_VENDA, c.DATA_VENDA, c.SITUACAO, c.CANAL, c.LOJA)


class Sales(NamedTuple):
    """The sales of an upload, one row each, and what became of the rows they came in.

    `rows` has `sale`, `id_venda`, `data_venda`, `situacao`, `canal`, `loja`, `line`, `sheet`; `set_aside` the numbers
    of the sales that were rejected, so that their items can say so.
    """

    rows: pl.DataFrame
    set_aside: pl.Series
    findings: FindingsKept
    counts: RowCount


class _Block(NamedTuple):
    rows: pl.DataFrame
    set_aside: pl.Series
    counts: RowCount


def read_sales(sheets: Sequence[Sheet], *, today: date, cnpj: Cnpj | None, by_branch: bool) -> Sales:
    """All the sales of an upload, later files and later rows winning.

    Args:
        sheets: the sales files.
        today: no sale is later than tomorrow.
        cnpj: the company whose branches are welcome.
        by_branch: sale numbers are unique only within a branch.
    """
    findings = FindingsKept()
    findings.add(together([doubts(sheet) for sheet in sheets]))
    read = [
        _read_block(sheet, cells, findings, number=number, today=today, cnpj=cnpj)
        for number, sheet in enumerate(sheets)
        for cells in sheet.cells(categories=True)
    ]
    key = [c.ID_VENDA, c.LOJA] if by_branch else [c.ID_VENDA]
    rows = pl.concat([part.rows for part in read]).with_row_index(SALE)
    different = are_all_different(rows.select(key))
    kept = rows if different else rows.unique(key, keep="last", maintain_order=True)
    earlier = rows.join(kept, on=SALE, how="anti") if kept.height < rows.height else rows.clear()
    findings.notice(sheets, REPEATED_SALE, earlier, field=c.ID_VENDA)
    counts = RowCount(
        sum(part.counts.rows_in for part in read),
        kept.height,
        sum(part.counts.rejected for part in read),
        sum(part.counts.skipped for part in read) + earlier.height,
    )
    set_aside = pl.concat([part.set_aside for part in read]).unique()
    return Sales(kept, set_aside, findings, counts)


def _read_block(
    sheet: Sheet, cells: pl.DataFrame, findings: FindingsKept, *, number: int, today: date, cnpj: Cnpj | None
) -> _Block:
    values = typed(sheet, cells).values
    where = branches(values, cnpj=cnpj)
    dates = date_problems(values[c.DATA_VENDA], cells[str(sheet.positions[c.DATA_VENDA])], today=today)
    no_id = Problem(MISSING_SALE_ID, values[c.ID_VENDA].is_null(), c.ID_VENDA)
    foreign = Problem(ANOTHER_COMPANY, where.foreign, _branch_field(sheet))
    screened = screen(sheet, cells, rejecting=(no_id, *dates, foreign))
    situation, unknown = situations(sheet, values, kept=screened.kept)
    placed = values.with_columns(
        where.loja.alias(c.LOJA), situation.alias(c.SITUACAO), pl.lit(number, pl.Int32).alias(SHEET)
    )
    rows = placed.select(_KEPT).filter(screened.kept)
    unclear = noticed_where(sheet, INVALID_BRANCH, cells, where.invalid & screened.kept, field=k.CNPJ_ESTABELECIMENTO)
    findings.add(together([screened.findings, unclear, unknown]))
    return _Block(
        rows,
        values.filter(~screened.kept)[c.ID_VENDA].drop_nulls(),
        RowCount(cells.height, rows.height, screened.rejected, screened.skipped),
    )


def _branch_field(sheet: Sheet) -> str:
    return k.CNPJ_ESTABELECIMENTO if sheet.has(k.CNPJ_ESTABELECIMENTO) else c.LOJA
