"""Company and categories at many cutoffs: with three of one series the winner is chance, so models meet in pairs.

At every cutoff ours and a peer forecast the same days. Printed is the mean of their WAPEs over the horizons, and the
mean difference with its standard error. Neighbouring cutoffs share days, so the error counts as many cutoffs as there
are stretches of 90 days apart from one another.
"""

import argparse
import json
from collections.abc import Iterator

import numpy as np
import polars as pl
from accuracy import AVERAGE, OURS, Task, tasks
from accuracy_peers import DAYS, PEERS, Floats
from accuracy_sets import add_set_options, chosen_sets

from app.domain.forecasts import HORIZONS
from app.ml.evaluator import wape

SUMS = ("company", "category")
WITHIN = {"company": 1.02, "category": 1.0}


def main() -> None:
    """Print a table, then one JSON line a set and level."""
    options = _options()
    cutoffs = range(options.newest, options.oldest + 1, options.step)
    rows = []
    for name, shop in chosen_sets(options).items():
        demand = shop()
        for cutoff in cutoffs:
            for task, first in tasks(demand, cutoff=cutoff, sample=1):
                if task.level in SUMS and not (task.level == "category" and len(task.history) == 1):
                    said = {peer: PEERS[peer](task.history, first) for peer in options.peers}
                    rows += [{"set": name, "level": task.level, "cutoff": cutoff} | row for row in _rows(task, said)]
    table = _compared(pl.DataFrame(rows), step=options.step)
    with pl.Config(tbl_rows=100, tbl_cols=12, tbl_width_chars=140, float_precision=4, tbl_hide_dataframe_shape=True):
        print(table)
    for line in _lines(table):
        print(json.dumps(line))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_set_options(parser)
    parser.add_argument("--newest", type=int, default=240, help="days before the end of the newest cutoff")
    parser.add_argument("--oldest", type=int, default=960, help="and of the oldest")
    parser.add_argument("--step", type=int, default=30, help="days between cutoffs")
    parser.add_argument("--peers", nargs="*", default=list(PEERS))
    return parser.parse_args()


def _rows(task: Task, said: dict[str, Floats]) -> Iterator[dict[str, object]]:
    """Mean WAPE of the horizons' totals, one row a model."""
    totals = {name: np.stack([path[:, :horizon].sum(axis=1) for horizon in HORIZONS], 1) for name, path in said.items()}
    totals |= {AVERAGE: np.mean(list(totals.values()), axis=0), OURS: task.totals}
    sold = np.stack([task.sold[:, :horizon].sum(axis=1) for horizon in HORIZONS], axis=1)
    for name, total in totals.items():
        of_horizon = [wape(sold[:, column], total[:, column]) for column in range(len(HORIZONS))]
        yield {"model": name, "wape": float(np.mean(of_horizon))}


def _compared(rows: pl.DataFrame, *, step: int) -> pl.DataFrame:
    """Ours beside each peer, by set and level."""
    key = ["set", "level", "cutoff"]
    ours = rows.filter(pl.col("model") == OURS).select(*key, pl.col("wape").alias("ours"))
    apart = pl.max_horizontal(pl.len() * min(step / DAYS, 1.0), 1.0)
    less = pl.col("ours") - pl.col("wape")
    return (
        rows.filter(pl.col("model") != OURS)
        .join(ours, on=key)
        .group_by("set", "level", "model", maintain_order=True)
        .agg(
            pl.len().alias("cutoffs"),
            pl.col("ours").mean(),
            pl.col("wape").mean().alias("against"),
            (pl.col("ours").mean() / pl.col("wape").mean()).alias("ratio"),
            less.mean().alias("difference"),
            (less.std() / apart.sqrt()).alias("error"),
            (less < 0).mean().alias("ours_better"),
        )
        .sort("set", "level", "against")
    )


def _lines(table: pl.DataFrame) -> Iterator[dict[str, object]]:
    """Against the best peer of each set and level."""
    for (name, level), part in table.group_by("set", "level", maintain_order=True):
        best = part.row(0, named=True)
        figures = {
            figure: round(best[figure], 4)
            for figure in ("ours", "against", "ratio", "difference", "error")
            if best[figure] is not None
        }
        goal = WITHIN[str(level)]
        named = {"bench": "rolling", "figure": f"{name} {level} wape, mean of {best['cutoffs']} cutoffs"}
        yield named | {"peer": best["model"], **figures, "goal": goal, "holds": best["ratio"] <= goal}


if __name__ == "__main__":
    main()
