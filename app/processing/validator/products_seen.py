"""The products an upload names: one spelling each, those the catalogue lacks, and the units they are sold in."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain.findings import MIXED_UNITS, UNKNOWN_PRODUCT
from app.processing.reader.records import LINE
from app.processing.reader.sheets import SHEET, Sheet
from app.processing.validator.catalogue import Catalogue
from app.processing.validator.noticing import nothing, noticed
from app.processing.values.units import NEW_SKU, conversions, in_main_units

_FOLDED: Final = "folded"
_SPELLED: Final = "spelled"
_ZEROS_BACK: Final = "zeros_back"
_MET: Final = {c.SKU: pl.String, c.UNIDADE: pl.String, "len": pl.UInt32, LINE: pl.UInt32, SHEET: pl.Int32}


class ProductsSeen(NamedTuple):
    """What an upload's lines say of its products, once all of them are read.

    `respelled` has `sku` as some lines write it and `spelled` as it is kept; `unknown`, with both, `line` and `sheet`,
    where the products that the catalogue lacks are first sold; `conversion` is that of `units.conversions`.
    """

    respelled: pl.DataFrame
    unknown: pl.DataFrame
    conversion: pl.DataFrame

    @property
    def unlisted(self) -> pl.Series:
        """The codes of lines that the catalogue lacks: of products unknown to it, and of those counted apart."""
        apart = self.conversion.filter(pl.col(NEW_SKU) != pl.col(c.SKU))[NEW_SKU]
        return pl.concat([self.unknown[_SPELLED].alias(c.SKU), apart.alias(c.SKU)])

    def spelled(self, lines: pl.DataFrame) -> pl.DataFrame:
        """The lines with every product spelled one way."""
        if self.respelled.is_empty():
            return lines
        return lines.with_columns(pl.col(c.SKU).replace(self.respelled[c.SKU], self.respelled[_SPELLED]))

    def in_main_units(self, lines: pl.DataFrame) -> pl.DataFrame:
        """The lines with every product in one unit."""
        return in_main_units(lines, self.conversion)

    def not_in_catalogue(self, sheet: Sheet, number: int) -> pl.DataFrame:
        """A finding for each product of the sheet that the catalogue lacks."""
        new = self.unknown.filter(pl.col(SHEET) == number)
        return noticed(sheet, UNKNOWN_PRODUCT, new[LINE], field=c.SKU, values=new[c.SKU])

    def mixed_units(self, sheet: Sheet, number: int, lines: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """A finding for each product that is counted apart for its unit in the sheet's part of these lines."""
        apart = self.conversion.filter(pl.col(NEW_SKU) != pl.col(c.SKU))
        if apart.is_empty():
            return nothing()
        first = (
            lines()
            .filter(pl.col(SHEET) == number)
            .join(apart, on=[c.SKU, c.UNIDADE], how="semi")
            .unique([c.SKU, c.UNIDADE], keep="first", maintain_order=True)
        )
        return noticed(sheet, MIXED_UNITS, first[LINE], field=c.UNIDADE, values=first[c.SKU])


def met_in(lines: pl.DataFrame, *, counted: bool) -> pl.DataFrame:
    """The products and units of some lines, in the order they come, with the first line of each.

    How many lines each has is only `counted` if told to: it matters where units are written.
    """
    products = lines.select(c.SKU, c.UNIDADE, LINE, SHEET)
    if counted:
        met = products.group_by(c.SKU, c.UNIDADE).agg(pl.len(), pl.col(LINE).min(), pl.col(SHEET).first()).sort(LINE)
    else:
        met = products.filter(products[c.SKU].is_first_distinct()).with_columns(len=pl.lit(1, pl.UInt32))
    return met.select(*_MET)


def products_seen(parts: Sequence[pl.DataFrame], catalogue: Catalogue | None) -> ProductsSeen:
    """All that was met, spelled as the catalogue, or else its first line, spells it.

    A code whose leading zeros a spreadsheet took is matched with the catalogue's when only one fits.
    """
    met = pl.concat([pl.DataFrame(schema=_MET), *parts])
    is_listed = _is_listed(met, catalogue)
    listed = met.filter(is_listed).with_columns(pl.col(c.SKU).alias(_SPELLED))
    told, new = _spelled(met.filter(~is_listed), _codes(catalogue))
    sold = pl.concat([listed, told]).select(pl.col(_SPELLED).alias(c.SKU), c.UNIDADE, "len")
    return ProductsSeen(
        told.filter(pl.col(_SPELLED) != pl.col(c.SKU)).select(c.SKU, _SPELLED).unique(c.SKU),
        new.clear() if catalogue is None else new,
        conversions(sold, None if catalogue is None else catalogue.products),
    )


def _is_listed(met: pl.DataFrame, catalogue: Catalogue | None) -> pl.Series:
    """Which products the catalogue has, letter by letter."""
    if catalogue is None:
        return pl.repeat(value=False, n=met.height, dtype=pl.Boolean, eager=True)
    return met[c.SKU].is_in(catalogue.products[c.SKU].implode())


def _codes(catalogue: Catalogue | None) -> pl.DataFrame:
    """The catalogue's codes in small letters, and as it spells them."""
    if catalogue is None:
        return pl.DataFrame(schema={_FOLDED: pl.String, _SPELLED: pl.String})
    return pl.DataFrame({_FOLDED: catalogue.folded, _SPELLED: catalogue.products[c.SKU]})


def _spelled(met: pl.DataFrame, codes: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Products that are not written as the catalogue writes them with their spelling, and those it lacks altogether."""
    if met.is_empty():
        none = met.with_columns(pl.col(c.SKU).alias(_SPELLED))
        return none, none
    folded = met.with_columns(pl.col(c.SKU).str.to_lowercase().alias(_FOLDED))
    same = codes.filter(pl.col(_FOLDED).is_in(folded[_FOLDED].implode()))  # `met` is mostly short, a catalogue long
    listed = folded.join(same, on=_FOLDED, how="inner")
    others = folded.join(same, on=_FOLDED, how="anti", maintain_order="left").join(
        _without_zeros(codes), on=_FOLDED, how="left", maintain_order="left"
    )
    unlisted = others.with_columns(pl.coalesce(_ZEROS_BACK, pl.col(c.SKU).first().over(_FOLDED)).alias(_SPELLED))
    new = unlisted.filter(pl.col(_ZEROS_BACK).is_null()).unique(_FOLDED, keep="first", maintain_order=True)
    return pl.concat([listed, unlisted.drop(_ZEROS_BACK)]).drop(_FOLDED), new


def _without_zeros(known: pl.DataFrame) -> pl.DataFrame:
    """The catalogue's spelling of each code less its leading zeros, if no other code is that."""
    with_zeros = known.filter(pl.col(_FOLDED).str.starts_with("0"))
    bare = with_zeros.select(pl.col(_FOLDED).str.strip_chars_start("0"), pl.col(_SPELLED).alias(_ZEROS_BACK))
    sure = bare.filter(~pl.col(_FOLDED).is_duplicated() & (pl.col(_FOLDED) != ""))
    return sure.join(known, on=_FOLDED, how="anti") if sure.height else sure
