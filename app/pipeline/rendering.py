"""Frames as bytes a reader can use: JSON, CSV, Parquet, Excel. A cell is never a formula, whatever a product is called.

CSV is RFC 4180 with `,` and a decimal point, in UTF-8: for programs. Excel files are for people.
"""

import io
from enum import StrEnum
from typing import Final

import polars as pl

# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA: Final = r"^[=+\-@\t\r\n]"
_GUARD: Final = "'"
_EXCEL_CELL: Final = 32_767  # characters


class Format(StrEnum):
    """The formats of an answer, by their short names."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"


def render(frame: pl.DataFrame, kind: Format) -> bytes:
    """The frame in a format; JSON is one array of objects."""
    return _RENDERERS[kind](frame.with_columns(pl.col(pl.Float64).fill_nan(None)))


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Text cells that a spreadsheet would run, with the quote that keeps it from doing so."""
    text = pl.col(pl.String)
    return frame.with_columns(pl.when(text.str.contains(_FORMULA)).then(_GUARD + text).otherwise(text).name.keep())


def _json(frame: pl.DataFrame) -> bytes:
    return frame.write_json().encode()


def _csv(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    without_formulas(frame).write_csv(target, line_terminator="\r\n")
    return target.getvalue()


def _parquet(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_parquet(target)
    return target.getvalue()


def _xlsx(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    safe = without_formulas(frame).with_columns(pl.col(pl.String).str.slice(0, _EXCEL_CELL))
    safe.write_excel(target, autofit=False, table_style="Table Style Light 1", freeze_panes=(1, 0))
    return target.getvalue()


_RENDERERS = {Format.JSON: _json, Format.CSV: _csv, Format.PARQUET: _parquet, Format.XLSX: _xlsx}
