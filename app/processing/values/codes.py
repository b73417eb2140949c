"""Codes are text: what spreadsheets do to them is undone where nothing was lost, and refused where something was."""

from typing import Final

import polars as pl

SCIENTIFIC: Final = r"^\d(?:[.,]\d+)?[eE]\+\d+$"
_DRESSED: Final = r"""^(?:'?="(.*)"|'(.*)|"(.*)")$"""
_UNTIDY: Final = r"""^[\s='"]|\s$|^$"""
_LENGTHS: Final = (8, 12, 13, 14)
_LONGEST_GTIN: Final = 14


def clean_text(text: pl.Series) -> pl.Series:
    """Without surrounding blanks, `="..."` or a leading apostrophe (or both); null when nothing is left."""
    if not text.unique().str.contains(_UNTIDY).any():  # most texts stand on many rows
        return text
    bare = text.str.strip_chars()
    dressed = bare.str.starts_with("=") | bare.str.starts_with("'") | bare.str.starts_with('"')
    if dressed.any():
        undressed = bare.str.replace(_DRESSED, "${1}${2}${3}").str.strip_chars()
        bare = pl.select(pl.when(dressed).then(undressed).otherwise(bare)).to_series()
    empty = bare == ""
    return bare.set(empty, None) if empty.any() else bare


def clean_codes(text: pl.Series) -> pl.Series:
    """Codes as the shop's system wrote them: `123.0` is 123, and a complete `7.891234567895E+12` is written out."""
    if _are_digits(text):
        return text
    codes = clean_text(text)
    if codes.str.ends_with(".0").any():
        codes = codes.str.replace(r"^(\d+)\.0$", "$1")
    if codes.str.contains("E+", literal=True).any():
        codes = _written_out(codes)
    return codes


def is_scientific(codes: pl.Series) -> pl.Series:
    """Codes whose last digits Excel threw away."""
    if _are_digits(codes) or not codes.str.contains("E+", literal=True).any():
        return pl.repeat(value=False, n=len(codes), dtype=pl.Boolean, eager=True)
    return codes.str.contains(SCIENTIFIC).fill_null(value=False)


def _are_digits(codes: pl.Series) -> bool:
    """Whether every code is a whole number and no more, as most are: nothing to tidy, and cheap to find out."""
    return codes.cast(pl.Int64, strict=False).null_count() == codes.null_count()


def _written_out(codes: pl.Series) -> pl.Series:
    """`7.891234567895E+12` has all its 13 digits; `7,89E+12` has lost ten."""
    mantissa = codes.str.extract(r"^(\d[.,]\d+)[eE]\+\d+$", 1).str.replace(r"[.,]", "")
    exponent = codes.str.extract(r"[eE]\+(\d+)$", 1).cast(pl.Int64, strict=False)
    complete = (mantissa.str.len_bytes().cast(pl.Int64) == exponent + 1).fill_null(value=False)
    return pl.select(pl.when(complete).then(mantissa).otherwise(codes)).to_series()


def clean_gtins(text: pl.Series) -> pl.Series:
    """Barcodes with a right check digit, zeros that a spreadsheet took put back; null for `SEM GTIN` and wrong ones."""
    digits = clean_codes(text)
    digits = digits.set(~digits.str.contains(r"^\d{6,14}$").fill_null(value=False), None)
    padded = digits.str.zfill(_LONGEST_GTIN)
    wrong = ~_has_check_digit(padded).fill_null(value=False)
    long_enough = digits.str.len_bytes().is_in(_LENGTHS)
    shown = pl.select(pl.when(long_enough).then(digits).otherwise(digits.str.zfill(13))).to_series()
    return shown.set(wrong, None)


def _has_check_digit(padded: pl.Series) -> pl.Series:
    """GS1: weights 3 and 1 in turn over the first 13 digits, the sum with the check digit a multiple of 10."""
    digits = [padded.str.slice(position, 1).cast(pl.Int32) for position in range(_LONGEST_GTIN)]
    total = sum((digit * (3 if position % 2 == 0 else 1) for position, digit in enumerate(digits)), start=digits[0] * 0)
    return total % 10 == 0
