"""Numbers as Brazil writes them, and as everyone else does: the style is decided per column, never per cell.

1.234,50   br    94.58     us    1.234   ambiguous: follows its column, or the file, or Brazil
0,5        br    1,234.50  us    1,234   ambiguous
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

import polars as pl


class NumberStyle(StrEnum):
    """Which mark separates the decimals."""

    BR = "1.234,56"
    US = "1,234.56"


class Evidence(NamedTuple):
    """How many values of a column can only be of one style, and how many of either."""

    br: int = 0
    us: int = 0
    ambiguous: int = 0

    @property
    def style(self) -> NumberStyle | None:
        """The style most of the sure values have; None when there are none or as many of both."""
        if self.br == self.us:
            return None
        return NumberStyle.BR if self.br > self.us else NumberStyle.US


class Numbers(NamedTuple):
    """A column of numbers. `other_style` marks the cells that could only be read against their column's style."""

    values: pl.Series  # Float64, null where empty or unreadable
    other_style: pl.Series  # Boolean


_NOISE: Final = r"""(?i)r\$|brl|[\s\u00a0\u202f'"=+]"""
_DRESSED: Final = "[^0-9.,]"
_NEGATIVE: Final = r"^\(.*\)$|^-|-$"
_SIGNS: Final = r"[()\-]"
_BR_GROUPED: Final = r"^[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?$"
_BR_PLAIN: Final = r"^[0-9]*,[0-9]*$"
_US_GROUPED: Final = r"^[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?$"
_US_PLAIN: Final = r"^[0-9]*\.[0-9]*$"
_AMBIGUOUS: Final = r"^[1-9][0-9]{0,2}[.,][0-9]{3}$"
_SCIENTIFIC: Final = r"^[0-9]+(?:[.,][0-9]+)?[eE]-?[0-9]{1,2}$"


def evidence(different: pl.Series) -> Evidence:
    """What the different values of a column, less null, say about its style."""
    is_dressed = different.str.contains(_DRESSED).any()
    bare = _bare(different) if is_dressed else different
    ambiguous = bare.str.contains(_AMBIGUOUS)
    br = (bare.str.contains(_BR_GROUPED) | bare.str.contains(_BR_PLAIN)) & ~ambiguous
    us = (bare.str.contains(_US_GROUPED) | bare.str.contains(_US_PLAIN)) & ~ambiguous
    return Evidence(int((br & ~us).sum()), int((us & ~br).sum()), int(ambiguous.sum()))


def style_of_file(columns: Iterable[Evidence], *, default: NumberStyle = NumberStyle.BR) -> NumberStyle:
    """The majority among the columns that are sure of theirs."""
    sure = [column.style for column in columns if column.style]
    return max(sorted(set(sure)), key=sure.count) if sure else default


def read_numbers(text: pl.Series, *, style: NumberStyle) -> Numbers:
    """Every number of a column; quick for plain ones, thorough for the few that are not."""
    quick = text.to_frame("text").select(quick_numbers("text", style=style)).to_series()
    return with_hard_numbers(text, quick, style=style)


def quick_numbers(column: str, *, style: NumberStyle) -> pl.Expr:
    """Digits with at most the column's own decimal mark; null for everything else."""
    text = pl.col(column)
    if style is NumberStyle.US:
        return text.cast(pl.Float64, strict=False)
    number = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return pl.when(~text.str.contains(".", literal=True)).then(number)


def with_hard_numbers(text: pl.Series, quick: pl.Series, *, style: NumberStyle) -> Numbers:
    """The quick reading of a column with the cells it could not read looked at thoroughly."""
    other = pl.repeat(value=False, n=len(text), dtype=pl.Boolean, eager=True)
    words = ~quick.is_finite()  # `nan` and `inf` are no numbers
    if quick.null_count() == text.null_count() and not words.any():
        return Numbers(quick, other)
    where = (text.is_not_null() & (quick.is_null() | words)).arg_true()
    thorough = _thoroughly(text.gather(where), style)
    return Numbers(quick.scatter(where, thorough.values), other.scatter(where, thorough.other_style))


def _thoroughly(text: pl.Series, style: NumberStyle) -> Numbers:
    noted = _without_noise(text)
    negative = noted.str.contains(_NEGATIVE)
    bare = noted.str.replace_all(_SIGNS, "")
    own, other = _as_written(bare, style), _as_written(bare, _opposite(style))
    magnitude = own.fill_null(other).fill_null(_scientific(bare))
    values = pl.select(pl.when(negative).then(-magnitude).otherwise(magnitude)).to_series()
    return Numbers(values, own.is_null() & other.is_not_null())


def _as_written(bare: pl.Series, style: NumberStyle) -> pl.Series:
    """The numbers that are well written in a style; null for the others."""
    grouped, plain = (_BR_GROUPED, _BR_PLAIN) if style is NumberStyle.BR else (_US_GROUPED, _US_PLAIN)
    group_mark, decimal_mark = (".", ",") if style is NumberStyle.BR else (",", ".")
    fits = bare.str.contains(grouped) | bare.str.contains(plain) | bare.str.contains(r"^[0-9]+$")
    digits = bare.str.replace_all(group_mark, "", literal=True).str.replace(decimal_mark, ".", literal=True)
    return digits.cast(pl.Float64, strict=False).set(~fits.fill_null(value=False), None)


def _scientific(bare: pl.Series) -> pl.Series:
    fits = bare.str.contains(_SCIENTIFIC).fill_null(value=False)
    return bare.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False).set(~fits, None)


def _opposite(style: NumberStyle) -> NumberStyle:
    return NumberStyle.US if style is NumberStyle.BR else NumberStyle.BR


def _without_noise(text: pl.Series) -> pl.Series:
    return text.str.replace_all(_NOISE, "").str.replace_all("[\u2212\u2013]", "-")


def _bare(text: pl.Series) -> pl.Series:
    return _without_noise(text).str.replace_all(_SIGNS, "")
