"""The whole story on local files, with no lake, no database and no service: what the command line's `forecast` does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from app.domain.cnpj import Cnpj
from app.domain.columns import DATE, HORIZON_DAYS, ID, LEVEL, MEAN, QUANTITY, SKU, WAPE
from app.domain.errors import NothingToForecast
from app.domain.forecasts import HORIZONS, Level
from app.domain.states import State
from app.domain.uploads import IncomingFile
from app.ml.out_of_pattern import out_of_pattern
from app.ml.predictor import Forecasts, predict
from app.ml.trainer import train
from app.pipeline.demand import assemble_demand
from app.pipeline.held_out import FORECAST, held_out_facts, held_out_findings, held_out_report
from app.pipeline.products import merged_products, seen_in
from app.processing.cleaner.preparing import prepare
from app.processing.feature_engineering import daily_demand
from app.processing.reader.recognition import recognise

# Whoever forecasts files at home need not say whose they are.
NOBODY = Cnpj("00000000000191")


class Seller(NamedTuple):
    """Whose the files are, as far as that is told."""

    cnpj: Cnpj | None = None
    state: State | None = None


@dataclass(frozen=True)
class LocalForecast:
    """What came out of the files: the report on them, the forecasts, and what is needed to tell of them."""

    company: Cnpj
    report: dict[str, Any]
    findings: pl.DataFrame
    products: pl.DataFrame
    forecasts: Forecasts
    later: pl.DataFrame  # demand after `as_of`, which the forecaster did not see, without what it would hold out
    last_day: date


def forecast_files(
    files: Sequence[IncomingFile],
    *,
    workdir: Path,
    today: date,
    seller: Seller,
    as_of: date | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> LocalForecast:
    """Read the files, forecast from the last day of sales or from `as_of`, and keep what came after to compare.

    Raises:
        BadInput: a file cannot be used, or nothing was sold by `as_of`.
    """
    prepared = prepare(recognise(files, workdir=workdir), today=today, workdir=workdir, cnpj=seller.cnpj)
    months = [prepared.lines(month) for month in prepared.months]
    if not months:
        raise NothingToForecast
    daily = pl.concat([daily_demand(lines) for lines in months])
    products = merged_products([prepared.products, *seen_in(prepared)])
    demand = assemble_demand(daily, products, company=seller.cnpj or NOBODY, state=seller.state, as_of=as_of)
    forecasts = predict(train(demand, progress=progress))
    return LocalForecast(
        company=seller.cnpj or NOBODY,
        report=prepared.report() | {FORECAST: held_out_report(held_out_facts(forecasts.held_out))},
        findings=pl.concat([prepared.findings, held_out_findings(forecasts.held_out)]),
        products=demand.products,
        forecasts=forecasts,
        later=_in_pattern(daily).filter(pl.col(DATE) > demand.last),
        last_day=demand.last,
    )


def _in_pattern(daily: pl.DataFrame) -> pl.DataFrame:
    """Without the days that would be held out of a forecast from the last one."""
    return daily.join(out_of_pattern(daily.filter(pl.col(QUANTITY) > 0)), on=[SKU, DATE], how="anti")


def hindsight(outcome: LocalForecast) -> pl.DataFrame:
    """Forecast beside what then really sold, for the horizons that have passed: level, horizon_days, mean, sold, wape.

    WAPE is of totals, over the company or over every product with a forecast or a sale: sum |sold - mean| / sum sold.
    """
    if outcome.later.is_empty():
        return pl.DataFrame(schema=_HINDSIGHT)
    days_known = outcome.later.select((pl.col(DATE).max() - outcome.last_day).dt.total_days()).item()
    rows = [
        _compared(outcome, level, horizon)
        for horizon in HORIZONS
        if horizon <= days_known
        for level in (Level.COMPANY, Level.PRODUCT)
    ]
    return pl.DataFrame(rows, schema=_HINDSIGHT, orient="row")


def _compared(outcome: LocalForecast, level: Level, horizon: int) -> tuple[str, int, float, float, float]:
    until = outcome.last_day + timedelta(days=horizon)
    who = pl.col(SKU) if level is Level.PRODUCT else pl.lit(outcome.company.text)
    sold = outcome.later.filter(pl.col(DATE) <= until).group_by(who.alias(ID))
    of_level = outcome.forecasts.totals.filter(pl.col(LEVEL) == level, pl.col(HORIZON_DAYS) == horizon)
    both = of_level.join(sold.agg(pl.col(QUANTITY).sum()), on=ID, how="full", coalesce=True).fill_null(0.0)
    error = (pl.col(QUANTITY) - pl.col(MEAN)).abs().sum().alias(WAPE)
    sums = both.select(pl.col(MEAN).sum(), pl.col(QUANTITY).sum(), error)
    mean, units, missed = sums.row(0)
    return level.value, horizon, mean, units, missed / units


_HINDSIGHT = {LEVEL: pl.String, HORIZON_DAYS: pl.Int32, MEAN: pl.Float64, "sold": pl.Float64, WAPE: pl.Float64}
