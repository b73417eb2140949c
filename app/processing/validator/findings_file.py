"""The whole list of findings as a file for Excel: where, why, how to mend it, and the original row."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import polars as pl
import xlsxwriter

from app.domain import columns as c
from app.domain.findings import RULES, Severity
from app.domain.text import Language, Text
from app.processing.columns.personal import masked_column
from app.processing.reader.records import LINE
from app.processing.reader.sheets import ORIGINAL_LINE, Sheet
from app.processing.validator.noticing import FILE
from app.processing.values.formulas import harmless

FileKind = Literal["csv", "xlsx"]

MOST_ROWS: Final = 1_000_000  # Excel opens 1,048,576
_ROW: Final = "original"
_HEADINGS: Final = (
    Text("Arquivo", "File"),
    Text("Linha", "Line"),
    Text("Coluna", "Column"),
    Text("Valor", "Value"),
    Text("Resultado", "Outcome"),
    Text("O que houve", "What happened"),
    Text("Como corrigir", "How to mend it"),
    Text("Linha original", "Original row"),
)
_OUTCOMES: Final = {
    Severity.REJECTED: Text("Recusada", "Set aside"),
    Severity.SKIPPED: Text("Pulada", "Skipped"),
    Severity.WARNING: Text("Aceita com aviso", "Accepted with a warning"),
}
_WIDTHS: Final = (22, 8, 22, 22, 18, 44, 70, 90)


def render_findings(
    findings: pl.DataFrame, sheets: Sequence[Sheet], target: Path, *, kind: FileKind, language: Language = "pt-BR"
) -> None:
    """Writes every finding to `target`, as CSV (`;`, UTF-8 with mark) or XLSX. Nothing in it is a formula.

    Args:
        findings: `Prepared.findings`; at most a million are written.
        sheets: the sheets they are about, for the original rows; personal columns are not shown.
        target: the file to write.
        kind: `csv` or `xlsx`.
        language: of the headings and sentences.
    """
    table = _in_words(_with_rows(findings.head(MOST_ROWS), sheets), language)
    if kind == "csv":
        table.write_csv(target, separator=";", include_bom=True, line_terminator="\r\n")
    else:
        _write_workbook(table, target)


def _with_rows(findings: pl.DataFrame, sheets: Sequence[Sheet]) -> pl.DataFrame:
    """Each finding with the row of the file it is about."""
    rows = [part for sheet in sheets for part in _rows(sheet, findings.filter(pl.col(FILE) == sheet.name))]
    known = pl.concat([pl.DataFrame(schema={FILE: pl.String, LINE: pl.UInt32, _ROW: pl.String}), *rows])
    return findings.join(known.unique([FILE, LINE]), on=[FILE, LINE], how="left", maintain_order="left")


def _rows(sheet: Sheet, findings: pl.DataFrame) -> Iterator[pl.DataFrame]:
    hidden = {*sheet.personal, ORIGINAL_LINE}
    shown = [str(place) for place, column in enumerate(sheet.columns) if column.header not in hidden]
    for cells in sheet.cells() if findings.height else ():
        wanted = cells.join(findings, on=LINE, how="semi")
        text = wanted.select(pl.concat_str(pl.col(shown).fill_null(""), separator=" | ")).to_series()
        yield pl.DataFrame({FILE: [sheet.name] * wanted.height, LINE: wanted[LINE], _ROW: masked_column(text)})


def _in_words(findings: pl.DataFrame, language: Language) -> pl.DataFrame:
    def told(words: dict[str, Text]) -> pl.Expr:
        return pl.col(c.RULE).replace_strict({code: text.to(language) for code, text in words.items()})

    columns = (
        pl.col(FILE),
        pl.col(c.LINE),
        pl.col(c.COLUMN),
        pl.col(c.VALUE),
        told({code: _OUTCOMES[rule.severity] for code, rule in RULES.items()}),
        told({code: rule.title for code, rule in RULES.items()}),
        told({code: rule.mend for code, rule in RULES.items()}),
        pl.col(_ROW).str.replace_all(r"\s+", " "),
    )
    headings = [heading.to(language) for heading in _HEADINGS]
    table = findings.select(column.alias(name) for column, name in zip(columns, headings, strict=True))
    return table.with_columns(harmless(pl.col(pl.String)))


def _write_workbook(table: pl.DataFrame, target: Path) -> None:
    with xlsxwriter.Workbook(target, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Conferência")
        for place, (name, width) in enumerate(zip(table.columns, _WIDTHS, strict=True)):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, name, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, table.height, table.width - 1)
        for number, row in enumerate(table.iter_rows(), start=1):
            for place, cell in enumerate(row):
                _write_cell(sheet, number, place, cell)


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, row: int, place: int, cell: object) -> None:
    if isinstance(cell, int):
        sheet.write_number(row, place, cell)
    elif cell is not None:
        sheet.write_string(row, place, str(cell))
