"""Frames as bytes a reader can use: JSON, CSV, Parquet, Excel. A cell is never a formula, whatever a product is called.

CSV is RFC 4180 with `,` and a decimal point, in UTF-8: for programs. Excel files are for people.
"""

import io
from enum import StrEnum
from typing import Final

import polars as pl

from app.processing.values.formulas import GUARD, harmless

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
    """Text cells and headings that a spreadsheet would run, with the quote that keeps it from doing so."""
    return frame.rename(_harmless_headings(frame.columns)).with_columns(harmless(pl.col(pl.String)))


def _harmless_headings(headings: list[str]) -> dict[str, str]:
    """Headings are the customer's own words too; two that differed must not become one."""
    guarded = pl.DataFrame({"heading": headings}, schema={"heading": pl.String}).select(harmless(pl.col("heading")))
    safe: dict[str, str] = {}
    for heading, name in zip(headings, guarded.to_series(), strict=True):
        while name != heading and name in {*headings, *safe.values()}:
            name = GUARD + name  # noqa: PLW2901  until it is nobody's
        safe[heading] = name
    return safe


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
