"""The products file: one row a product, the last of each code."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain import contract as k
from app.domain.findings import (
    MISSING_DESCRIPTION,
    MISSING_SKU,
    REPEATED_PRODUCT,
    SCIENTIFIC_BARCODE,
    SCIENTIFIC_CODE,
    RowCount,
)
from app.processing.columns.headings import normalised
from app.processing.reader.records import LINE
from app.processing.reader.sheets import SHEET, Sheet
from app.processing.validator.findings_kept import FindingsKept
from app.processing.validator.noticing import nothing, noticed, noticed_where, together
from app.processing.validator.screening import Problem, screen
from app.processing.values.codes import clean_codes, is_scientific
from app.processing.values.different import are_all_different
from app.processing.values.doubtful import doubts, without_doubtful_numbers
from app.processing.values.statuses import is_active
from app.processing.values.typed import typed
from app.processing.values.units import clean_units

ACTIVE: Final = "ativo"
INACTIVE: Final = "inativo"
FOLDED: Final = "folded"


class Catalogue(NamedTuple):
    """The products, and what became of the rows they came in; `folded` are their codes in small letters."""

    products: pl.DataFrame
    folded: pl.Series
    findings: FindingsKept
    counts: RowCount


class _Block(NamedTuple):
    products: pl.DataFrame
    counts: RowCount


def read_catalogue(sheets: Sequence[Sheet]) -> Catalogue:
    """All the products of an upload, later files and later rows winning."""
    findings = FindingsKept()
    findings.add(together([doubts(sheet) for sheet in sheets]))
    read = [
        _read_block(sheet, cells, number, findings)
        for number, sheet in enumerate(sheets)
        for cells in sheet.cells(categories=True)
    ]
    rows = pl.concat([part.products for part in read])
    last = rows.with_columns(pl.col(c.SKU).str.to_lowercase().alias(FOLDED)).with_row_index("order")
    different = are_all_different(last.select(FOLDED))
    kept = last if different else last.unique(FOLDED, keep="last", maintain_order=True)
    earlier = last.clear() if different else last.join(kept, on="order", how="anti")
    findings.notice(sheets, REPEATED_PRODUCT, earlier, field=c.SKU)
    counts = RowCount(
        sum(part.counts.rows_in for part in read),
        kept.height,
        sum(part.counts.rejected for part in read),
        sum(part.counts.skipped for part in read) + earlier.height,
    )
    return Catalogue(kept.drop("order", FOLDED, SHEET, LINE), kept[FOLDED], findings, counts)


def _read_block(sheet: Sheet, cells: pl.DataFrame, number: int, findings: FindingsKept) -> _Block:
    read = typed(sheet, cells)
    codes = read.values[c.SKU]
    screened = screen(
        sheet,
        cells,
        rejecting=(
            Problem(MISSING_SKU, codes.is_null(), c.SKU),
            Problem(SCIENTIFIC_CODE, is_scientific(codes), c.SKU),
        ),
    )
    kept = screened.kept
    trusted = without_doubtful_numbers(sheet, cells, read, kept=kept, required=frozenset())
    products = _clean(sheet, trusted.values.filter(kept))
    nameless = products.filter(pl.col(c.DESCRICAO).is_null())[LINE]
    unnamed = noticed(sheet, MISSING_DESCRIPTION, nameless, field=c.DESCRICAO)
    findings.add(together([screened.findings, trusted.findings, unnamed, _lost_barcodes(sheet, cells, kept)]))
    return _Block(
        products.with_columns(pl.col(c.DESCRICAO).fill_null(pl.col(c.SKU)), pl.lit(number, pl.Int32).alias(SHEET)),
        RowCount(cells.height, products.height, screened.rejected, screened.skipped),
    )


def _lost_barcodes(sheet: Sheet, cells: pl.DataFrame, kept: pl.Series) -> pl.DataFrame:
    place = sheet.positions.get(k.EAN)
    if place is None:
        return nothing()
    lost = is_scientific(clean_codes(cells[str(place)])) & kept
    return noticed_where(sheet, SCIENTIFIC_BARCODE, cells, lost, field=k.EAN)


def _clean(sheet: Sheet, values: pl.DataFrame) -> pl.DataFrame:
    named = _with_parents_names(values)
    return named.with_columns(
        clean_units(named[c.UNIDADE]), _situation(sheet, named[c.SITUACAO]), pl.col(c.CATEGORIA).str.strip_chars(" >/")
    )


def _with_parents_names(values: pl.DataFrame) -> pl.DataFrame:
    """Shops that sell variations leave the name and category of the product on its first row only."""
    same_product = pl.col(k.ID_EXTERNO).is_not_null() & (pl.col(k.ID_EXTERNO) == pl.col(k.ID_EXTERNO).shift(1))
    if not values.select((same_product & pl.col(c.DESCRICAO).is_null()).any()).item():
        return values
    filled = [pl.col(name).forward_fill().over(k.ID_EXTERNO) for name in (c.DESCRICAO, c.CATEGORIA, k.MARCA)]
    return values.with_columns(filled)


def _situation(sheet: Sheet, text: pl.Series) -> pl.Series:
    says_inactive = normalised(sheet.header_of(c.SITUACAO) or "") == "inativo"
    words = {
        word: ACTIVE if is_active(word, heading_says_inactive=says_inactive) else INACTIVE
        for word in text.drop_nulls().unique()
    }
    return text.replace_strict(words, default=ACTIVE, return_dtype=pl.String)
