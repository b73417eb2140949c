"""`quantyfy forecast`: files in, forecasts out, with no server and no database."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from app.cli.tables import (
    accuracy_table,
    company_table,
    findings_table,
    hindsight_table,
    products_table,
    report_table,
)
from app.cli.words import console, day, stage_words
from app.domain.cnpj import Cnpj
from app.domain.columns import DESCRICAO, HORIZON_DAYS, ID, LEVEL, MEAN, REVENUE_MEAN, SKU
from app.domain.forecasts import Level
from app.domain.uploads import IncomingFile
from app.pipeline.local import LocalForecast, forecast_files, hindsight

_BIGGEST = 10


def forecast(
    files: Annotated[
        list[Path], typer.Argument(help="As planilhas: vendas, vendas_itens e produtos, em qualquer ordem.")
    ],
    cnpj: Annotated[str | None, typer.Option(help="CNPJ da empresa.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Prevê a partir desta data, sem ver o que veio depois."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Pasta onde gravar os arquivos Parquet e o findings.csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Escreve o resultado em JSON.")] = False,  # noqa: FBT002  a flag is a flag
) -> None:
    """Prevê as vendas direto dos arquivos, sem servidor e sem banco de dados."""
    with tempfile.TemporaryDirectory(prefix="quantyfy-forecast-") as folder, _bar() as bar:
        task = bar.add_task("Lendo as planilhas", total=1.0)
        outcome = forecast_files(
            [IncomingFile(name=file.name, path=file) for file in files],
            workdir=Path(folder),
            today=datetime.now(UTC).date(),
            cnpj=Cnpj.parse(cnpj) if cnpj else None,
            as_of=as_of.date() if as_of else None,
            progress=lambda stage, share: bar.update(task, description=stage_words(stage), completed=share),
        )
        if out is not None:
            _write(outcome, out)
    if as_json:
        typer.echo(json.dumps(_as_json(outcome), ensure_ascii=False, default=str))
    else:
        _show(outcome, out=out)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=_errors(), transient=True
    )


def _errors() -> Console:
    """Progress goes to standard error: standard output is the answer alone."""
    return Console(stderr=True)


def _write(outcome: LocalForecast, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("forecast", "totals", "accuracy"):
        getattr(outcome.forecasts, name).write_parquet(folder / f"{name}.parquet")
    outcome.findings.write_csv(folder / "findings.csv", separator=";", include_bom=True)


def _show(outcome: LocalForecast, *, out: Path | None) -> None:
    screen = console()
    totals, accuracy = outcome.forecasts.totals, outcome.forecasts.accuracy.to_dicts()
    screen.print(report_table(outcome.report))
    found = findings_table(outcome.report)
    if found is not None:
        screen.print(found)
    screen.print(f"Previsão a partir de {day(outcome.last_day)}, o último dia da história.\n")
    screen.print(company_table(totals.filter(pl.col(LEVEL) == Level.COMPANY).to_dicts(), accuracy))
    screen.print(_biggest(outcome))
    screen.print(accuracy_table(accuracy))
    seen = hindsight(outcome)
    if not seen.is_empty():
        screen.print(hindsight_table(seen.to_dicts()))
    if out is not None:
        screen.print(f"Gravado em {out}: forecast.parquet, totals.parquet, accuracy.parquet e findings.csv.")


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


def _as_json(outcome: LocalForecast) -> dict[str, Any]:
    return {
        "last_day": outcome.last_day,
        "report": outcome.report,
        "totals": outcome.forecasts.totals.to_dicts(),
        "accuracy": outcome.forecasts.accuracy.to_dicts(),
        "hindsight": hindsight(outcome).to_dicts(),
    }
