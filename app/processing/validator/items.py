"""One block of the items file: typed, screened, joined to its sales, and cleaned."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain import contract as k
from app.domain.cnpj import Cnpj
from app.domain.findings import (
    ANOTHER_COMPANY,
    IMPLAUSIBLE_QUANTITY,
    INVALID_BRANCH,
    ITEM_WITHOUT_SALE,
    MISSING_QUANTITY,
    MISSING_SALE_ID,
    MISSING_SKU,
    SALE_SET_ASIDE,
    SCIENTIFIC_CODE,
    SKU_FROM_DESCRIPTION,
    TOTAL_DOES_NOT_MATCH,
    UNREADABLE_QUANTITY,
    ZERO_QUANTITY,
)
from app.processing.columns.headings import normalised
from app.processing.reader.ahead import one_ahead
from app.processing.reader.encoding import BLOCK_BYTES
from app.processing.reader.records import LINE
from app.processing.reader.sheets import Sheet
from app.processing.validator.belonging import SALE_STATUS, SalesByNumber
from app.processing.validator.branches import Branches, branches
from app.processing.validator.filling import FilledDown
from app.processing.validator.noticing import nothing, noticed_where, together
from app.processing.validator.sales import SALE
from app.processing.validator.screening import Problem, screen
from app.processing.values.codes import is_scientific
from app.processing.values.doubtful import without_doubtful_numbers
from app.processing.values.moments import date_problems, situations
from app.processing.values.statuses import Status
from app.processing.values.typed import Typed, typed
from app.processing.values.units import clean_units

MOST: Final = 1e8  # units on one line; more is a barcode
TOLERANCE: Final = 0.01
CENT: Final = 0.01
KEPT: Final = (
    LINE,
    c.ID_VENDA,
    c.LINHA,
    c.DATA_VENDA,
    c.SITUACAO,
    c.SKU,
    c.DESCRICAO,
    c.QUANTIDADE,
    c.QUANTIDADE_DEVOLVIDA,
    c.UNIDADE,
    c.PRECO_UNITARIO,
    c.VALOR_TOTAL,
    c.CANAL,
    c.LOJA,
)
LONGEST_CODE: Final = 60
_LEAST_BLOCK: Final = 1 << 20
_BLOCKS: Final = 2  # of a short file, for two are read at once, and the last of them alone
_MERCADO_LIVRE_UNITS: Final = "unidades"  # left blank there when it is one
_BLANK: Final = r"^[\s\-\u00a0]*$"


class Block(NamedTuple):
    """The clean lines of a block, and what became of the others.

    `seen` numbers the sales that have items.
    """

    lines: pl.DataFrame
    findings: pl.DataFrame
    seen: pl.Series
    rows_in: int
    rejected: int
    skipped: int


class TypedBlock(NamedTuple):
    """A block of the items file of this number, as written and as typed, with order fields filled down."""

    number: int
    cells: pl.DataFrame
    read: Typed


def typed_blocks(sheets: Sequence[Sheet]) -> Iterator[TypedBlock]:
    """The blocks of all items files in their order, one always made ahead."""
    return one_ahead(block for number, sheet in enumerate(sheets) for block in _typed_blocks(sheet, number))


def _typed_blocks(sheet: Sheet, number: int) -> Iterator[TypedBlock]:
    filled_down = FilledDown(sheet)
    part = sheet.path.stat().st_size // _BLOCKS + 1
    for cells in sheet.cells(block_bytes=max(_LEAST_BLOCK, min(part, BLOCK_BYTES)), categories=True):
        read = typed(sheet, cells)
        yield TypedBlock(number, cells, read._replace(values=filled_down(cells, read.values)))


@dataclass(frozen=True)
class ItemReader:
    """Makes clean lines of the blocks of one items file, each by itself."""

    sheet: Sheet
    sales: SalesByNumber | None
    today: date
    cnpj: Cnpj | None

    def cleaned(self, cells: pl.DataFrame, read: Typed) -> Block:
        """The clean lines of a block, and what became of the others."""
        joined, where = self.placed(cells, read.values)
        problems = (*self._problems(cells, joined), *self._sale_problems(cells, joined), self._foreign(where.foreign))
        idle = Problem(ZERO_QUANTITY, joined[c.QUANTIDADE] == 0, c.QUANTIDADE)
        screened = screen(self.sheet, cells, rejecting=problems, skipping=(idle,))
        kept = screened.kept
        trusted = without_doubtful_numbers(
            self.sheet, cells, read._replace(values=joined), kept=kept, required=frozenset({c.QUANTIDADE})
        )
        situation, unknown = situations(self.sheet, trusted.values, kept=kept)
        lines = _clean(trusted.values.with_columns(situation.alias(c.SITUACAO)))
        findings = [
            screened.findings,
            trusted.findings,
            unknown,
            noticed_where(self.sheet, INVALID_BRANCH, cells, where.invalid & kept, field=k.CNPJ_ESTABELECIMENTO),
            self._totals_off(cells, trusted.values, kept),
            self._from_descriptions(cells, kept),
        ]
        return Block(
            lines if kept.all() else lines.filter(kept),
            together(findings),
            joined[SALE].filter(kept).drop_nulls().unique(),
            cells.height,
            screened.rejected,
            screened.skipped,
        )

    def placed(self, cells: pl.DataFrame, values: pl.DataFrame) -> tuple[pl.DataFrame, Branches]:
        """The values with what their sale says of them, and their branches."""
        identified = self._identified(cells, values)
        where = branches(identified, cnpj=self.cnpj)
        return self._with_sales(identified.with_columns(where.loja.alias(c.LOJA))), where

    def _identified(self, cells: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
        """With the description for a missing code, and one unit a row where the file has no quantities."""
        code = pl.col(c.SKU).fill_null(pl.col(c.DESCRICAO).str.slice(0, LONGEST_CODE))
        place = self.sheet.positions.get(c.QUANTIDADE)
        if place is None:
            return values.with_columns(code, pl.lit(1.0).alias(c.QUANTIDADE))
        if normalised(self.sheet.columns[place].header) == _MERCADO_LIVRE_UNITS and values[c.QUANTIDADE].null_count():
            unsaid = pl.lit(_is_blank(cells[str(place)])) & code.is_not_null()
            return values.with_columns(code, pl.when(unsaid).then(1.0).otherwise(c.QUANTIDADE).alias(c.QUANTIDADE))
        return values.with_columns(code)

    def _with_sales(self, values: pl.DataFrame) -> pl.DataFrame:
        """With the number of the sale, and its date, channel, branch and situation before the item's own."""
        if self.sales is not None:
            return self.sales.joined_to(values)
        return values.with_columns(pl.lit(None, pl.UInt32).alias(SALE), pl.lit(None, pl.String).alias(SALE_STATUS))

    def _problems(self, cells: pl.DataFrame, values: pl.DataFrame) -> tuple[Problem, ...]:
        quantity = values[c.QUANTIDADE]
        return (
            Problem(MISSING_SALE_ID, values[c.ID_VENDA].is_null(), c.ID_VENDA),
            Problem(MISSING_SKU, values[c.SKU].is_null(), c.SKU),
            Problem(SCIENTIFIC_CODE, is_scientific(values[c.SKU]), c.SKU),
            *self._quantity_problems(cells, quantity),
            Problem(IMPLAUSIBLE_QUANTITY, (quantity.abs() > MOST).fill_null(value=False), c.QUANTIDADE),
        )

    def _quantity_problems(self, cells: pl.DataFrame, quantity: pl.Series) -> tuple[Problem, ...]:
        place = self.sheet.positions.get(c.QUANTIDADE)
        unread = quantity.is_null()
        if place is None or not unread.any():
            return ()
        blank = _is_blank(cells[str(place)])
        return (
            Problem(MISSING_QUANTITY, unread & blank, c.QUANTIDADE),
            Problem(UNREADABLE_QUANTITY, unread & ~blank, c.QUANTIDADE),
        )

    def _sale_problems(self, cells: pl.DataFrame, joined: pl.DataFrame) -> tuple[Problem, ...]:
        """An item needs a date: its own, or that of a sale beside it."""
        dates = joined[c.DATA_VENDA]
        place = self.sheet.positions.get(c.DATA_VENDA)
        if place is not None:
            return date_problems(dates, cells[str(place)], today=self.today)
        alone = dates.is_null() & joined[c.ID_VENDA].is_not_null()
        if not alone.any() or self.sales is None:
            return (Problem(ITEM_WITHOUT_SALE, alone, c.ID_VENDA),)
        aside = joined[c.ID_VENDA].is_in(self.sales.set_aside.implode()).fill_null(value=False)
        return (
            Problem(SALE_SET_ASIDE, alone & aside, c.ID_VENDA),
            Problem(ITEM_WITHOUT_SALE, alone & ~aside, c.ID_VENDA),
        )

    def _foreign(self, where: pl.Series) -> Problem:
        field = k.CNPJ_ESTABELECIMENTO if self.sheet.has(k.CNPJ_ESTABELECIMENTO) else c.LOJA
        return Problem(ANOTHER_COMPANY, where, field)

    def _totals_off(self, cells: pl.DataFrame, values: pl.DataFrame, kept: pl.Series) -> pl.DataFrame:
        if not (self.sheet.has(c.VALOR_TOTAL) and self.sheet.has(c.PRECO_UNITARIO)):
            return nothing()
        off = _total_is_off(values) & kept
        return noticed_where(self.sheet, TOTAL_DOES_NOT_MATCH, cells, off, field=c.VALOR_TOTAL)

    def _from_descriptions(self, cells: pl.DataFrame, kept: pl.Series) -> pl.DataFrame:
        """Rows of a file with codes that have none; a file without codes is said once, with its heading."""
        place = self.sheet.positions.get(c.SKU)
        if place is None or not cells[str(place)].null_count():
            return nothing()
        blank = cells[str(place)].fill_null("").str.strip_chars() == ""
        return noticed_where(self.sheet, SKU_FROM_DESCRIPTION, cells, blank & kept, field=c.DESCRICAO)


def _is_blank(cells: pl.Series) -> pl.Series:
    return cells.cast(pl.String).fill_null("").str.contains(_BLANK)


def _total_is_off(values: pl.DataFrame) -> pl.Series:
    """Whether quantity times price, with or without the discount, is more than 1 % and rounding away from the total."""
    expected = pl.col(c.QUANTIDADE).abs() * pl.col(c.PRECO_UNITARIO)
    total = pl.col(c.VALOR_TOTAL).abs()
    allowed = pl.max_horizontal(TOLERANCE * total, CENT + CENT / 2 * pl.col(c.QUANTIDADE).abs())
    discounted = expected - pl.col(k.VALOR_DESCONTO).abs().fill_null(0)
    off = ((expected - total).abs() > allowed) & ((discounted - total).abs() > allowed)
    return values.select(off.fill_null(value=False)).to_series()


def _clean(values: pl.DataFrame) -> pl.DataFrame:
    """Situations settled, units spelled alike, prices and totals made from each other; returns negative throughout."""
    quantity, sign = pl.col(c.QUANTIDADE), pl.col(c.QUANTIDADE).sign()
    total = pl.col(c.VALOR_TOTAL).abs()
    from_price = quantity.abs() * pl.col(c.PRECO_UNITARIO) - pl.col(k.VALOR_DESCONTO).abs().fill_null(0)
    made = {
        c.LINHA: pl.col(c.LINHA).cast(pl.UInt32, strict=False),
        c.SITUACAO: pl.coalesce(SALE_STATUS, c.SITUACAO, pl.lit(Status.COMPLETED.value)),
        c.QUANTIDADE_DEVOLVIDA: pl.col(c.QUANTIDADE_DEVOLVIDA).fill_null(0.0),
        c.UNIDADE: pl.lit(clean_units(values[c.UNIDADE])),
        c.PRECO_UNITARIO: pl.col(c.PRECO_UNITARIO).fill_null(total / quantity.abs()),
        c.VALOR_TOTAL: sign * pl.coalesce(total, pl.max_horizontal(from_price, 0)),
    }
    return values.select(made[name].alias(name) if name in made else pl.col(name) for name in KEPT)
