"""What `quantyfy forecast` makes of its outcome: files, a page of tables, or JSON."""

from pathlib import Path
from typing import Any, Final

import polars as pl
from rich.markup import escape
from rich.table import Table as RichTable

from app.cli.paths import told_when_unwritable
from app.cli.tables import (
    accuracy_table,
    company_table,
    findings_table,
    held_out_list,
    hindsight_table,
    products_table,
    report_table,
)
from app.cli.words import console, day
from app.domain.columns import DESCRICAO, HORIZON_DAYS, ID, LEVEL, MEAN, REVENUE_MEAN, SKU
from app.domain.forecasts import Level
from app.pipeline.local import LocalForecast, hindsight
from app.pipeline.rendering import without_formulas

_FRAMES: Final = ("forecast", "totals", "accuracy")
_FINDINGS: Final = "findings.csv"
FILES: Final = (*(f"{frame}.parquet" for frame in _FRAMES), _FINDINGS)
"""What `write` leaves in its folder."""
_BIGGEST = 10


def write(outcome: LocalForecast, folder: Path) -> None:
    """The frames as Parquet and the findings as a CSV that Excel opens, in a folder that is there.

    Raises:
        CannotWrite: the disk is full, or the folder may no longer be written.
    """
    with told_when_unwritable(folder):
        for name in _FRAMES:
            getattr(outcome.forecasts, name).write_parquet(folder / f"{name}.parquet")
        without_formulas(outcome.findings).write_csv(folder / _FINDINGS, separator=";", include_bom=True)


def show(outcome: LocalForecast, *, out: Path | None) -> None:
    """The tables a shop owner wants."""
    screen = console()
    totals, accuracy = outcome.forecasts.totals, outcome.forecasts.accuracy.to_dicts()
    screen.print(report_table(outcome.report))
    found = findings_table(outcome.report)
    if found is not None:
        screen.print(found)
    held_out = held_out_list(outcome.report)
    if held_out is not None:
        screen.print(held_out)
    screen.print(f"Previsão a partir de {day(outcome.last_day)}, o último dia da história.\n")
    screen.print(company_table(totals.filter(pl.col(LEVEL) == Level.COMPANY).to_dicts(), accuracy))
    screen.print(_biggest(outcome))
    screen.print(accuracy_table(accuracy))
    seen = hindsight(outcome)
    if not seen.is_empty():
        screen.print(hindsight_table(seen.to_dicts()))
    if out is not None:
        screen.print(f"Gravado em {escape(str(out))}: {', '.join(FILES[:-1])} e {FILES[-1]}.")


def _biggest(outcome: LocalForecast) -> RichTable:
    of_products = outcome.forecasts.totals.filter(pl.col(LEVEL) == Level.PRODUCT)
    wide = of_products.pivot(HORIZON_DAYS, index=ID, values=[MEAN, REVENUE_MEAN])
    names = outcome.products.select(pl.col(SKU).alias(ID), pl.col(DESCRICAO).alias("name"))
    series = outcome.forecasts.series.filter(pl.col(LEVEL) == Level.PRODUCT).select(ID, "grade")
    first = min(of_products[HORIZON_DAYS])
    rows = (
        wide.join(names, on=ID, how="left")
        .join(series, on=ID, how="left")
        .top_k(_BIGGEST, by=f"{REVENUE_MEAN}_{first}")
    )
    ranges = {row[ID]: row for row in of_products.filter(pl.col(HORIZON_DAYS) == first).to_dicts()}
    return products_table(rows.to_dicts(), ranges)


def as_json(outcome: LocalForecast) -> dict[str, Any]:
    """The same for a program."""
    return {
        "last_day": outcome.last_day,
        "report": outcome.report,
        "totals": outcome.forecasts.totals.to_dicts(),
        "accuracy": outcome.forecasts.accuracy.to_dicts(),
        "hindsight": hindsight(outcome).to_dicts(),
    }
