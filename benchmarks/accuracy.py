"""Our forecasts beside the field's, on cutoffs that nothing was chosen on: WAPE and RMSSE of totals, WAPE of days.

Cutoffs lie 90, 120 and 150 days before each history's end. At product level slow peers cannot run on 60,000 series, so
all are compared on one sample: products with at least SALES days with a sale before the cutoff, evenly spaced by sku.
Ours, the naive and the 56-day mean are also shown on every product sold before the cutoff.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from accuracy_peers import DAYS, PEERS, Floats
from accuracy_sets import add_set_options, chosen_sets, until

from app.domain.columns import DATE, HORIZON_DAYS, ID, LEVEL, MEAN, P10, P50, P90, QUANTITY, SKU
from app.domain.forecasts import HORIZONS, QUANTILES, Level
from app.ml.demand import Demand, screened
from app.ml.evaluator import bias, coverage, pinball, rmsse, wape
from app.ml.history import History, history_of
from app.ml.predictor import Forecasts, predict
from app.ml.trainer import train

CUTOFFS = (90, 120, 150)
SALES = 10
OURS, AVERAGE = "quantyfy", "equal_average"


@dataclass(frozen=True)
class Task:
    """One level at one cutoff: histories, what then sold, and what we said."""

    level: str
    history: Floats  # (series, days)
    sold: Floats  # (series, DAYS)
    ours: Floats  # (series, DAYS)
    totals: Floats  # (series, horizons) as published
    ranges: Floats  # (quantiles, series, horizons)


def main() -> None:
    """Print a table a set, then one JSON line a figure."""
    options = _options()
    figures = []
    for name, shop in chosen_sets(options).items():
        demand = shop()
        for cutoff in options.cutoffs:
            for task, said in _answers(demand, cutoff=cutoff, sample=options.sample, peers=options.peers):
                figures += list(_figures(task, said, of={"set": name, "cutoff": cutoff, "level": task.level}))
    table = pl.DataFrame(figures)
    _show(table)
    _lines(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_set_options(parser)
    parser.add_argument("--cutoffs", nargs="+", type=int, default=list(CUTOFFS))
    parser.add_argument("--sample", type=int, default=400, help="products on which slow peers are compared")
    parser.add_argument("--peers", nargs="*", default=list(PEERS))
    return parser.parse_args()


def _answers(demand: Demand, *, cutoff: int, sample: int, peers: list[str]) -> Iterator[tuple[Task, dict[str, Floats]]]:
    """Every level's task at a cutoff with everyone's daily paths."""
    for task, first in tasks(demand, cutoff=cutoff, sample=sample):
        said = {OURS: task.ours}
        chosen = peers if task.level != "product (all)" else [p for p in peers if p in ("seasonal_naive", "mean_56")]
        for name in chosen:
            begun = time.perf_counter()
            said[name] = PEERS[name](task.history, first)
            print(f"  {task.level} {name}: {time.perf_counter() - begun:.1f} s", flush=True)
        if len(said) > 3:
            said[AVERAGE] = np.mean([path for name, path in said.items() if name != OURS], axis=0)
        yield task, said


def tasks(demand: Demand, *, cutoff: int, sample: int) -> Iterator[tuple[Task, date]]:
    """Every level's task at a cutoff, and the first day of its histories."""
    known = until(demand, days_before_end=cutoff)
    begun = time.perf_counter()
    forecasts = predict(train(known))
    print(f"ours at -{cutoff}: {time.perf_counter() - begun:.1f} s", flush=True)
    history = history_of(screened(known).demand)
    for task in _tasks(screened(demand).demand, known, history=history, forecasts=forecasts, sample=sample):
        yield task, history.first


def _tasks(demand: Demand, known: Demand, *, history: History, forecasts: Forecasts, sample: int) -> Iterator[Task]:
    """Of what then sold, too, the forecaster's own rule holds out what is too large for the shop."""
    after = demand.daily.filter(pl.col(DATE) > known.last, (pl.col(DATE) - known.last).dt.total_days() <= DAYS)
    index = pl.DataFrame({SKU: history.skus, "series": np.arange(len(history.skus))})
    rows = after.join(index, on=SKU)
    day = (rows[DATE] - known.last).dt.total_days().to_numpy() - 1
    products = np.zeros((len(history.skus), DAYS))
    np.add.at(products, (rows["series"].to_numpy(), day), rows[QUANTITY].to_numpy())
    categories = _future_of_categories(demand, after, history=history, last=known.last)
    past = history.by_category().T
    company = (past.sum(axis=0, keepdims=True), after.group_by(DATE).agg(pl.col(QUANTITY).sum()))
    of_days = np.zeros((1, DAYS))
    of_days[0, (company[1][DATE] - known.last).dt.total_days().to_numpy() - 1] = company[1][QUANTITY].to_numpy()
    yield _task(Level.COMPANY.value, company[0], of_days, forecasts, Level.COMPANY, [known.company])
    yield _task(Level.CATEGORY.value, past, categories, forecasts, Level.CATEGORY, history.categories)
    counts = np.diff(history.starts)
    regular = np.flatnonzero(counts >= SALES)
    some = regular[np.unique(np.linspace(0, len(regular) - 1, sample).astype(int))]
    for name, chosen in (("product", some), ("product (all)", np.arange(len(counts)))):
        ids = [history.skus[product] for product in chosen]
        dense = history.dense_of(chosen, days=history.n_days).T
        yield _task(name, dense, products[chosen], forecasts, Level.PRODUCT, ids)


def _future_of_categories(demand: Demand, after: pl.DataFrame, *, history: History, last: object) -> Floats:
    """What each known category then sold, new products included, (categories, DAYS)."""
    named = demand.products.select(SKU, "categoria")
    rows = after.join(named, on=SKU).filter(pl.col("categoria").is_in(history.categories))
    place = np.searchsorted(np.array(history.categories), rows["categoria"].to_numpy().astype(str))
    sold = np.zeros((len(history.categories), DAYS))
    np.add.at(sold, (place, (rows[DATE] - last).dt.total_days().to_numpy() - 1), rows[QUANTITY].to_numpy())
    return sold


def _task(name: str, history: Floats, sold: Floats, forecasts: Forecasts, level: Level, ids: list[str]) -> Task:
    order = pl.DataFrame({ID: ids})
    daily = order.join(
        forecasts.forecast.filter(pl.col(LEVEL) == level.value).group_by(ID, maintain_order=True).agg(MEAN),
        on=ID,
        maintain_order="left",
    )
    totals = order.join(
        forecasts.totals.filter(pl.col(LEVEL) == level.value)
        .sort(HORIZON_DAYS)
        .group_by(ID, maintain_order=True)
        .agg(MEAN, P10, P50, P90),
        on=ID,
        maintain_order="left",
    )
    return Task(
        level=name,
        history=history,
        sold=sold,
        ours=np.array(daily[MEAN].to_list()),
        totals=np.array(totals[MEAN].to_list()),
        ranges=np.array([totals[column].to_list() for column in (P10, P50, P90)]),
    )


def _figures(task: Task, said: dict[str, Floats], *, of: dict[str, object]) -> Iterator[dict[str, object]]:
    """WAPE of days, and by horizon WAPE, RMSSE and bias of totals; pinball and coverage of our ranges."""
    step = np.square(np.diff(task.history, axis=1)).mean(axis=1)
    for model, path in said.items():
        yield of | {"model": model, "figure": "wape_days", "value": wape(task.sold, path)}
        for column, horizon in enumerate(HORIZONS):
            sold = task.sold[:, :horizon].sum(axis=1)
            total = task.totals[:, column] if model == OURS else path[:, :horizon].sum(axis=1)
            yield of | {"model": model, "figure": f"wape_{horizon}", "value": wape(sold, total)}
            yield of | {"model": model, "figure": f"bias_{horizon}", "value": bias(sold, total)}
            yield of | {"model": model, "figure": f"rmsse_{horizon}", "value": rmsse(sold, total, scale=step * horizon)}
    for column, horizon in enumerate(HORIZONS):
        sold = task.sold[:, :horizon].sum(axis=1)
        low, middle, high = task.ranges[:, :, column]
        loss = np.mean([pinball(sold, one, quantile=q) for q, one in zip(QUANTILES, (low, middle, high), strict=True)])
        scaled = loss / max(sold.mean(), 1e-12)
        selling = low > 0
        yield of | {"model": OURS, "figure": f"coverage_{horizon}", "value": coverage(sold, low, high)}
        yield of | {
            "model": OURS,
            "figure": f"coverage_selling_{horizon}",
            "value": coverage(sold[selling], low[selling], high[selling]),
        }
        yield of | {"model": OURS, "figure": f"pinball_{horizon}", "value": float(scaled)}
        yield of | {"model": OURS, "figure": f"wape_p50_{horizon}", "value": wape(sold, middle)}


def _show(table: pl.DataFrame) -> None:
    means = table.group_by("set", "level", "figure", "model", maintain_order=True).agg(pl.col("value").mean())
    for (name, level), part in means.group_by("set", "level", maintain_order=True):
        print(f"\n{name}, {level}: mean of the cutoffs")
        wide = part.pivot("model", index="figure", values="value")
        with pl.Config(tbl_rows=40, tbl_cols=20, tbl_width_chars=160, float_precision=4, tbl_hide_dataframe_shape=True):
            print(wide)


def _lines(table: pl.DataFrame) -> None:
    """One JSON line a set, level and WAPE: ours against the best peer."""
    means = table.group_by("set", "level", "figure", "model", maintain_order=True).agg(pl.col("value").mean())
    for (name, level, figure), part in means.group_by("set", "level", "figure", maintain_order=True):
        rivals = part.filter(pl.col("model") != OURS)
        ours = part.filter(pl.col("model") == OURS)["value"].item()
        line = {"bench": "accuracy", "figure": f"{name} {level} {figure}", "ours": round(ours, 4)}
        if str(figure).startswith(("wape_", "rmsse_")) and len(rivals):
            best = rivals.sort("value").row(0, named=True)
            goal = 1.02 if level == "company" else 1.0
            ratio = ours / best["value"] if best["value"] else float("nan")
            line |= {"against": round(best["value"], 4), "peer": best["model"], "ratio": round(ratio, 4)}
            line |= {"goal": goal, "holds": bool(ratio <= goal)}
        if str(figure).startswith("coverage"):
            line |= {"goal": [0.76, 0.84], "holds": bool(0.76 <= ours <= 0.84)}
        print(json.dumps(line))


if __name__ == "__main__":
    main()
