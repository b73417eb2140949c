"""Sheets to clean months: read, screened, joined, cleaned, and accounted for to the last row, block by block."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain.cnpj import Cnpj
from app.domain.findings import (
    HIDDEN_TAB,
    IDENTICAL_LINE,
    QUANTITY_ASSUMED,
    REPEATED_FILE,
    REPEATED_ITEM,
    SALE_WITHOUT_ITEMS,
    SKU_FROM_DESCRIPTION,
    RowCount,
    Rule,
)
from app.domain.uploads import Table
from app.processing.cleaner.alone import standing_alone
from app.processing.cleaner.merging import NO_LINES, TOLD_APART_BY, Keys, clean_columns, numbered
from app.processing.cleaner.months import Month, MonthStore, by_month
from app.processing.reader.ahead import in_order
from app.processing.reader.records import LINE
from app.processing.reader.sheets import SHEET, Sheet
from app.processing.validator.belonging import SalesByNumber
from app.processing.validator.catalogue import Catalogue, read_catalogue
from app.processing.validator.findings_kept import MOST_FINDINGS, FindingsKept
from app.processing.validator.items import Block, ItemReader, TypedBlock, typed_blocks
from app.processing.validator.noticing import FILE, nothing, noticed, together
from app.processing.validator.products_seen import ProductsSeen, met_in, products_seen
from app.processing.validator.reporting import report_of
from app.processing.validator.sales import SALE, Sales, read_sales
from app.processing.values.doubtful import doubts

BLOCKS_AT_ONCE: Final = 2
MONTHS_AT_ONCE: Final = 2


@dataclass(frozen=True)
class Prepared:
    """An upload after cleaning. Months stay on disk in the working folder until they are asked for."""

    months: tuple[Month, ...]  # earliest first
    products: pl.DataFrame | None  # the catalogue; None when no products file was sent
    findings: pl.DataFrame  # table, file, line, column, value, rule
    counts: dict[Table, RowCount]
    sheets: tuple[Sheet, ...]
    only_counted: Mapping[Table, Mapping[str, int]]  # findings of a table beyond the first million, by rule
    _store: MonthStore
    _products: ProductsSeen
    _keys: Mapping[Month, Keys]
    _readers: Sequence[ItemReader]

    @property
    def unlisted(self) -> pl.Series | None:
        """The codes of lines that the upload's catalogue lacks; None when it has none, and so lacks all."""
        return None if self.products is None else self._products.unlisted

    def items_to_mend(self, sheet: Sheet, lines: pl.Series) -> pl.DataFrame:
        """The rows of an items file on these lines, with all they need to be sent alone (see `alone`)."""
        reader = next(reader for reader in self._readers if reader.sheet is sheet)
        kept = [self.lines(month).select(c.LOJA, c.ID_VENDA, c.SKU, c.LINHA) for month in self.months]
        return standing_alone(reader, lines, pl.concat([NO_LINES.select(c.LOJA, c.ID_VENDA, c.SKU, c.LINHA), *kept]))

    def lines(self, month: tuple[int, int]) -> pl.DataFrame:
        """The clean lines of one of the months, as `columns.py` lists them."""
        lines = self._products.spelled(self._store.lines(Month(*month)))
        return clean_columns(self._products.in_main_units(self._keys[Month(*month)].given_to(lines)))

    def names(self, month: tuple[int, int]) -> pl.DataFrame:
        """`sku`, `descricao` and `unidade` of the lines of a month, without the rest of them if that will do."""
        told = (c.SKU, c.DESCRICAO, c.UNIDADE)
        if self._products.conversion.is_empty():
            return self._products.spelled(self._store.lines(Month(*month), columns=told))
        return self.lines(month).select(told)

    def sale_numbers(self, month: tuple[int, int]) -> pl.Series:
        """The numbers of the sales of one of the months, a line each, in no order."""
        return self._store.lines(Month(*month), columns=[c.ID_VENDA]).to_series()

    def report(self) -> dict[str, object]:
        """How each table was understood, what became of its rows, and the first examples of each finding, as JSON."""
        return report_of(self.sheets, self.counts, self.findings, only_counted=self.only_counted)


def prepare(sheets: Sequence[Sheet], *, today: date, workdir: Path, cnpj: Cnpj | None = None) -> Prepared:
    """Screens and cleans recognised sheets.

    Args:
        sheets: from `recognise`; several of a table count as one, the later winning.
        today: no sale is later than tomorrow.
        workdir: a folder for months that do not fit in memory; it must live as long as the result is read.
        cnpj: the company whose branches are welcome; None when it is not known.

    Raises:
        NotATable: a line deep in a file is longer than any table's.
        MonthTooLong: a month has more lines than fit in memory.
    """
    products, sales, items = (_to_read(sheets, table) for table in (Table.PRODUCTS, Table.SALES, Table.ITEMS))
    by_branch = _have_branches(sales) and _have_branches(items)
    blocks = typed_blocks(items)
    lines = _Lines(workdir)
    headers = read_sales(sales, today=today, cnpj=cnpj, by_branch=by_branch) if sales else None
    by_number = SalesByNumber(headers, by_branch=by_branch) if headers else None
    readers = [ItemReader(sheet, by_number, today, cnpj) for sheet in items]
    with ThreadPoolExecutor(1) as pool:  # the catalogue is needed last
        reading = pool.submit(read_catalogue, products) if products else None
        lines.read(readers, blocks)
        catalogue = reading.result() if reading else None
    seen = lines.settle(items, catalogue)
    kept = {Table.ITEMS: lines.findings}
    if catalogue:
        kept[Table.PRODUCTS] = catalogue.findings
    if headers:
        _notice_without_items(headers, lines, sales)
        kept[Table.SALES] = headers.findings
    skipped = {table: _skip_repeated(sheets, table, found) for table, found in kept.items()}
    return Prepared(
        months=lines.store.months(),
        products=catalogue.products if catalogue else None,
        findings=_all_findings(kept, [_unread_tabs(sheet) for sheet in sheets]),
        counts=_with_skipped(_counts(catalogue, headers, lines, items), skipped),
        sheets=tuple(sheets),
        only_counted={table: found.only_counted for table, found in kept.items()},
        _store=lines.store,
        _products=seen,
        _keys=lines.keys,
        _readers=readers,
    )


class _SortedBlock(NamedTuple):
    """A clean block, its lines by month, and the products in it."""

    block: Block
    lines: dict[Month, pl.DataFrame]
    met: pl.DataFrame


def _sorted_block(readers: Sequence[ItemReader], typed_block: TypedBlock) -> _SortedBlock:
    number, cells, read = typed_block
    block = readers[number].cleaned(cells, read)
    lines = block.lines.with_columns(pl.lit(number, pl.Int32).alias(SHEET))
    counted = any(reader.sheet.has(c.UNIDADE) for reader in readers)
    return _SortedBlock(block, by_month(lines), met_in(lines, counted=counted))


def _have_branches(sheets: Sequence[Sheet]) -> bool:
    return bool(sheets) and all(sheet.has(c.LOJA) for sheet in sheets)


class _Settled(NamedTuple):
    """What became of the lines of a month."""

    month: Month
    keys: Keys
    findings: pl.DataFrame
    besides: Mapping[str, int]  # findings beyond those, by rule


class _Lines:
    """The item lines of an upload, gathered block by block and finished month by month."""

    def __init__(self, workdir: Path) -> None:
        self.store = MonthStore(workdir)
        self._met: list[pl.DataFrame] = []
        self._seen: list[pl.Series] = []
        self.findings = FindingsKept()
        self.keys: dict[Month, Keys] = {}
        self.rows_in = self.accepted = self.rejected = self.skipped = 0

    def read(self, readers: Sequence[ItemReader], blocks: Iterator[TypedBlock]) -> None:
        """All the lines of all the files."""
        said_once = [told for reader in readers for told in (doubts(reader.sheet), _assumptions(reader.sheet))]
        self.findings.add(together(said_once))
        for block in in_order(partial(_sorted_block, readers), blocks, at_once=BLOCKS_AT_ONCE):
            self._add(block)

    def _add(self, found: _SortedBlock) -> None:
        block = found.block
        self.store.add(found.lines)
        self._met.append(found.met)
        self._seen.append(block.seen)
        self.findings.add(block.findings)
        self.rows_in += block.rows_in
        self.rejected += block.rejected
        self.skipped += block.skipped

    def settle(self, sheets: Sequence[Sheet], catalogue: Catalogue | None) -> ProductsSeen:
        """Spells products alike, counts what is accepted and what repeats, month by month."""
        products = products_seen(self._met, catalogue)
        for number, sheet in enumerate(sheets):
            self.findings.add(products.not_in_catalogue(sheet, number))
        with ThreadPoolExecutor(MONTHS_AT_ONCE) as pool:
            for settled in pool.map(partial(self._settled, products, sheets), self.store.months()):
                self.keys[settled.month] = settled.keys
                self.accepted += settled.keys.height
                self.skipped += len(settled.keys.numbers) - settled.keys.height
                self.findings.add(settled.findings, besides=settled.besides)
        return products

    def _settled(self, products: ProductsSeen, sheets: Sequence[Sheet], month: Month) -> _Settled:
        units = () if products.conversion.is_empty() else (c.UNIDADE,)
        lines = products.spelled(self.store.lines(month, columns=(*TOLD_APART_BY, *units)))
        told_apart = numbered(lines)
        counted = partial(told_apart.keys.given_to, lines)
        of_rules = {REPEATED_ITEM: told_apart.repeated, IDENTICAL_LINE: told_apart.identical}
        shown = {rule: rows.head(MOST_FINDINGS) for rule, rows in of_rules.items()}
        findings = [
            *(_of_month(sheet, number, shown) for number, sheet in enumerate(sheets)),
            *(products.mixed_units(sheet, number, counted) for number, sheet in enumerate(sheets)),
        ]
        besides = {
            rule.code: rows.height - MOST_FINDINGS for rule, rows in of_rules.items() if rows.height > MOST_FINDINGS
        }
        return _Settled(month, told_apart.keys, together(findings), besides)

    def sales_seen(self) -> pl.Series:
        """The numbers of the sales that have items."""
        return pl.concat(self._seen).unique() if self._seen else pl.Series(dtype=pl.UInt32)


def _of_month(sheet: Sheet, number: int, shown: Mapping[Rule, pl.DataFrame]) -> pl.DataFrame:
    of_sheet = {rule: rows.filter(pl.col(SHEET) == number) for rule, rows in shown.items()}
    return together(
        [noticed(sheet, rule, rows[LINE], field=c.SKU, values=rows[c.SKU]) for rule, rows in of_sheet.items()]
    )


def _assumptions(sheet: Sheet) -> pl.DataFrame:
    """What is assumed of every row because a column is not there; said once, with the heading's line."""
    heading = pl.Series([sheet.dialect.header_line])
    return together(
        [
            noticed(sheet, QUANTITY_ASSUMED, heading) if not sheet.has(c.QUANTIDADE) else nothing(),
            noticed(sheet, SKU_FROM_DESCRIPTION, heading) if not sheet.has(c.SKU) else nothing(),
        ]
    )


def _to_read(sheets: Sequence[Sheet], table: Table) -> list[Sheet]:
    return [sheet for sheet in sheets if sheet.table is table and sheet.repeats is None]


def _skip_repeated(sheets: Sequence[Sheet], table: Table, findings: FindingsKept) -> int:
    """Tells of every row of the files that repeat another; how many rows those are."""
    rows = 0
    for sheet in sheets:
        if sheet.table is not table or sheet.repeats is None:
            continue
        for cells in sheet.cells():
            rows += cells.height
            other = pl.repeat(sheet.repeats, cells.height, eager=True)
            findings.add(noticed(sheet, REPEATED_FILE, cells[LINE], values=other))
    return rows


def _with_skipped(counts: Mapping[Table, RowCount], skipped: Mapping[Table, int]) -> dict[Table, RowCount]:
    return {
        table: count._replace(rows_in=count.rows_in + more, skipped=count.skipped + more)
        for table, count in counts.items()
        for more in (skipped[table],)
    }


def _unread_tabs(sheet: Sheet) -> pl.DataFrame:
    """The tabs of its workbook that nobody sees, told with the heading's line."""
    tabs = pl.Series(sheet.hidden_tabs, dtype=pl.String)
    lines = pl.repeat(sheet.dialect.header_line, len(tabs), eager=True)
    return noticed(sheet, HIDDEN_TAB, lines, values=tabs)


def _all_findings(kept: Mapping[Table, FindingsKept], said_once: Sequence[pl.DataFrame]) -> pl.DataFrame:
    frames = [frame for found in kept.values() for frame in found.frames]
    return together([*frames, *said_once]).sort(c.TABLE, FILE, c.LINE, maintain_order=True)


def _notice_without_items(sales: Sales, lines: _Lines, sheets: Sequence[Sheet]) -> None:
    if not lines.rows_in:
        return
    empty = sales.rows.join(lines.sales_seen().to_frame(SALE), on=SALE, how="anti")
    sales.findings.notice(sheets, SALE_WITHOUT_ITEMS, empty, field=c.ID_VENDA)


def _counts(
    catalogue: Catalogue | None, sales: Sales | None, lines: _Lines, items: Sequence[Sheet]
) -> dict[Table, RowCount]:
    counts: dict[Table, RowCount] = {}
    if sales:
        counts[Table.SALES] = sales.counts
    if items:
        counts[Table.ITEMS] = RowCount(lines.rows_in, lines.accepted, lines.rejected, lines.skipped)
    if catalogue:
        counts[Table.PRODUCTS] = catalogue.counts
    return counts
