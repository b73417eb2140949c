"""Ranges of 30/60/90-day totals: how often they hold, and pinball loss beside the field's.

Cutoffs lie after all that the ranges were calibrated on. Peers: the quantiles of a series' own past totals; stock
Prophet's sampled paths, summed; AutoETS' daily intervals, summed as if days were independent.
"""

import argparse
import json
import logging
import warnings
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl
from accuracy import CUTOFFS, Task, tasks
from accuracy_peers import DAYS, Floats, long_table
from accuracy_sets import add_set_options, chosen_sets

from app.domain.forecasts import HORIZONS, QUANTILES
from app.ml.evaluator import coverage, pinball

OURS = "quantyfy"
Z_90 = 1.2816  # normal quantile of 90 %
PROMISED = 0.8
ENOUGH = 20  # units in 90 days from which a total has a lower tail; below, whole numbers cannot keep 10 % under p10


def main() -> None:
    """Print a table a set, then one JSON line a figure."""
    options = _options()
    rows: list[dict[str, object]] = []
    for name, shop in chosen_sets(options).items():
        demand = shop()
        for cutoff in options.cutoffs:
            for task, first in tasks(demand, cutoff=cutoff, sample=options.sample):
                rows += list(_figures(task, first, of={"set": name, "cutoff": cutoff, "level": task.level}))
    of_model = pl.DataFrame(rows).group_by("set", "level", "horizon", "model", maintain_order=True)
    figures = pl.all().exclude("set", "level", "horizon", "model", "cutoff")
    spread = pl.col("coverage_enough").std().alias("sd_of_cutoffs")
    table = of_model.agg(figures.mean(), spread)
    with pl.Config(tbl_rows=200, tbl_cols=12, tbl_width_chars=140, float_precision=3, tbl_hide_dataframe_shape=True):
        print(table)
    _lines(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_set_options(parser)
    parser.add_argument("--cutoffs", nargs="+", type=int, default=list(CUTOFFS))
    parser.add_argument("--sample", type=int, default=80, help="products on which slow peers are compared")
    return parser.parse_args()


def _figures(task: Task, first: date, *, of: dict[str, object]) -> Iterator[dict[str, object]]:
    """By model and horizon: coverage of all series, of those that sell enough, and pinball over mean sales."""
    peers = {"past_totals": past_totals(task.history)}
    if not task.level.endswith("(all)"):
        peers |= {"auto_ets": ets_ranges(task.history, first), "prophet": prophet_ranges(task.history, first)}
    enough = task.totals[:, -1] >= ENOUGH
    for model, ranges in {OURS: task.ranges, **peers}.items():
        for column, horizon in enumerate(HORIZONS):
            sold = task.sold[:, :horizon].sum(axis=1)
            low, _, high = said = ranges[:, :, column]
            loss = np.mean([pinball(sold, one, quantile=q) for q, one in zip(QUANTILES, said, strict=True)])
            yield of | {
                "horizon": horizon,
                "model": model,
                "coverage": coverage(sold, low, high),
                "coverage_enough": coverage(sold[enough], low[enough], high[enough]),
                "under_p10": float((sold[enough] < low[enough]).mean()) if enough.any() else float("nan"),
                "over_p90": float((sold > high).mean()),
                "pinball": float(loss / max(sold.mean(), 1e-12)),
            }


def past_totals(history: Floats) -> Floats:
    """Quantiles of each series' own past totals, (quantiles, series, horizons)."""
    running = np.concatenate([np.zeros((len(history), 1)), np.cumsum(history, axis=1)], axis=1)
    totals = [running[:, horizon:] - running[:, :-horizon] for horizon in HORIZONS]
    return np.stack([np.quantile(total, QUANTILES, axis=1) for total in totals], axis=-1)


def ets_ranges(history: Floats, first: date) -> Floats:
    """AutoETS' daily 80 % intervals, summed as if days were independent; capped at ten times the largest total seen."""
    from statsforecast import StatsForecast  # noqa: PLC0415 - a slow import that only this peer needs
    from statsforecast.models import AutoETS, HistoricAverage  # noqa: PLC0415 - a slow import

    runner = StatsForecast([AutoETS(season_length=7)], freq="D", fallback_model=HistoricAverage())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = pl.DataFrame(runner.forecast(h=DAYS, df=long_table(history, first).to_pandas(), level=[80]))
    ordered = said.sort("unique_id", "ds")
    known = ordered["unique_id"].unique().sort().to_numpy()
    mean, low, high = (
        np.nan_to_num(ordered[name].to_numpy()).reshape(len(known), DAYS)
        for name in ("AutoETS", "AutoETS-lo-80", "AutoETS-hi-80")
    )
    variance = np.square((high - low) / 2 / Z_90)
    ranges = np.zeros((len(QUANTILES), len(history), len(HORIZONS)))
    for column, horizon in enumerate(HORIZONS):
        middle, spread = mean[:, :horizon].sum(axis=1), np.sqrt(variance[:, :horizon].sum(axis=1))
        most = 10 * (history[known].sum(axis=1) + 1)
        for place, z in enumerate((-Z_90, 0.0, Z_90)):
            ranges[place, known, column] = np.clip(middle + z * spread, 0, most)
    return ranges


def prophet_ranges(history: Floats, first: date) -> Floats:
    """Quantiles of stock Prophet's sampled paths, summed."""
    from prophet import Prophet  # noqa: PLC0415 - a slow import that only this peer needs

    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.ERROR)
    days = pl.Series([first + timedelta(days=day) for day in range(history.shape[1] + DAYS)])
    ranges = np.zeros((len(QUANTILES), len(history), len(HORIZONS)))
    for series, row in enumerate(history):
        start = int(np.argmax(row > 0))
        seen = pl.DataFrame({"ds": days[start : len(row)], "y": row[start:]}).to_pandas()
        if len(seen) > 1 and seen["y"].min() < seen["y"].max():
            np.random.seed(0)  # noqa: NPY002 - Prophet draws from the global generator
            model = Prophet(uncertainty_samples=200)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(seen)
                drawn = model.predictive_samples(pl.DataFrame({"ds": days[len(row) :]}).to_pandas())["yhat"]
            sums = [np.maximum(drawn[:horizon].sum(axis=0), 0) for horizon in HORIZONS]
            ranges[:, series] = np.stack([np.quantile(one, QUANTILES) for one in sums], axis=-1)
    return ranges


def _lines(table: pl.DataFrame) -> None:
    for row in table.filter(pl.col("model") == OURS).iter_rows(named=True):
        name = f"{row['set']} {row['level']} {row['horizon']} days"
        share = row["coverage_enough"]
        holds = bool(abs(share - PROMISED) <= 0.04)
        print(
            json.dumps(
                {
                    "bench": "ranges",
                    "figure": f"coverage {name}",
                    "ours": round(share, 4),
                    "against": PROMISED,
                    "ratio": round(share / PROMISED, 4),
                    "sd_of_cutoffs": row["sd_of_cutoffs"] and round(row["sd_of_cutoffs"], 4),
                    "goal": [0.76, 0.84],
                    "holds": holds,
                }
            )
        )
        rivals = table.filter(
            pl.col("model") != OURS, *(pl.col(key) == row[key] for key in ("set", "level", "horizon"))
        ).sort("pinball")
        best = rivals.row(0, named=True)
        ratio = row["pinball"] / best["pinball"]
        print(
            json.dumps(
                {
                    "bench": "ranges",
                    "figure": f"pinball {name}",
                    "ours": round(row["pinball"], 4),
                    "against": round(best["pinball"], 4),
                    "peer": best["model"],
                    "ratio": round(ratio, 4),
                    "goal": 1.0,
                    "holds": bool(ratio <= 1),
                }
            )
        )


if __name__ == "__main__":
    main()
