"""The products an upload names: one spelling each, those the catalogue lacks, and the units they are sold in."""

from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain.findings import MIXED_UNITS, UNKNOWN_PRODUCT
from app.processing.reader.records import LINE
from app.processing.reader.sheets import Sheet
from app.processing.validator.noticing import nothing, noticed
from app.processing.values.units import DEFAULT, NEW_SKU, conversions

_FOLDED: Final = "folded"
_SPELLED: Final = "spelled"
_ZEROS_BACK: Final = "zeros_back"


class ProductsSeen:
    """Learns the products of an upload, block by block."""

    def __init__(self, catalogue: pl.DataFrame | None) -> None:
        self._catalogue = catalogue
        codes = pl.DataFrame(schema={c.SKU: pl.String}) if catalogue is None else catalogue.select(c.SKU)
        self._known = codes.select(pl.col(c.SKU).str.to_lowercase().alias(_FOLDED), pl.col(c.SKU).alias(_SPELLED))
        self._without_zeros = self._unzeroed(codes)
        self._units: list[pl.DataFrame] = []

    def spelled(self, sheet: Sheet, lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The lines with codes as the catalogue, or else their first line, spells them; a finding for each it lacks.

        A code whose leading zeros a spreadsheet took is matched with the catalogue's when only one fits.
        """
        first = pl.len(), pl.col(LINE).min()
        if sheet.has(c.UNIDADE):
            met = lines.group_by(c.SKU, c.UNIDADE).agg(first).sort(LINE)
        else:
            met = lines.group_by(c.SKU).agg(first).sort(LINE).with_columns(pl.lit(DEFAULT).alias(c.UNIDADE))
        met = met.with_columns(pl.col(c.SKU).str.to_lowercase().alias(_FOLDED))
        met = met.join(self._known, on=_FOLDED, how="left", maintain_order="left")
        met = met.join(self._without_zeros, on=_FOLDED, how="left", maintain_order="left")
        met = met.with_columns(pl.coalesce(_SPELLED, _ZEROS_BACK, pl.col(c.SKU).first().over(_FOLDED)).alias(_SPELLED))
        new = met.join(self._known, on=_FOLDED, how="anti", maintain_order="left").unique(_FOLDED, maintain_order=True)
        self._known = pl.concat([self._known, new.select(_FOLDED, _SPELLED)])
        self._units.append(met.select(pl.col(_SPELLED).alias(c.SKU), c.UNIDADE, "len"))
        unknown = new.filter(pl.col(_ZEROS_BACK).is_null())
        return _respelled(lines, met), self._unknown(sheet, unknown)

    def conversions(self) -> pl.DataFrame:
        """What to do with units other than a product's own; see `units.conversions`."""
        none_sold = pl.DataFrame(schema={c.SKU: pl.String, c.UNIDADE: pl.String, "len": pl.UInt32})
        sold = pl.concat([none_sold, *self._units]).group_by(c.SKU, c.UNIDADE).agg(pl.col("len").sum())
        return conversions(sold, self._catalogue)

    def _unknown(self, sheet: Sheet, new: pl.DataFrame) -> pl.DataFrame:
        if self._catalogue is None:
            return nothing()
        return noticed(sheet, UNKNOWN_PRODUCT, new[LINE], field=c.SKU, values=new[c.SKU])

    def _unzeroed(self, codes: pl.DataFrame) -> pl.DataFrame:
        bare = codes.select(
            pl.col(c.SKU).str.to_lowercase().str.strip_chars_start("0").alias(_FOLDED),
            pl.col(c.SKU).alias(_ZEROS_BACK),
        )
        sure = bare.filter(~pl.col(_FOLDED).is_duplicated() & (pl.col(_FOLDED) != ""))
        return sure.join(self._known, on=_FOLDED, how="anti")


def _respelled(lines: pl.DataFrame, met: pl.DataFrame) -> pl.DataFrame:
    changed = met.filter(pl.col(_SPELLED) != pl.col(c.SKU)).unique(c.SKU)
    if changed.is_empty():
        return lines
    return lines.with_columns(pl.col(c.SKU).replace(changed[c.SKU], changed[_SPELLED]))


def mixed_units(sheet: Sheet, lines: pl.DataFrame, conversion: pl.DataFrame) -> pl.DataFrame:
    """A finding for each product of this month that is counted apart for its unit."""
    apart = conversion.filter(pl.col(NEW_SKU) != pl.col(c.SKU))
    if apart.is_empty():
        return nothing()
    first = lines.join(apart, on=[c.SKU, c.UNIDADE], how="semi").unique(
        [c.SKU, c.UNIDADE], keep="first", maintain_order=True
    )
    return noticed(sheet, MIXED_UNITS, first[LINE], field=c.UNIDADE, values=first[c.SKU])
