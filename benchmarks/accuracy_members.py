"""What each member of the ensemble adds: the backtest's WAPE without it, and its own alone, by set and level.

Inside the history only: the same leave-one-fold-out backtest from which weights are learned, on the days before the
cutoffs that `accuracy.py` judges by.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from accuracy_sets import RESTAURANT, journey, restaurant, until

from app.domain.forecasts import BASELINE, HORIZONS, Level
from app.ml.demand_classes import CLASSES
from app.ml.evaluator import wape
from app.ml.evidence import Evidence, by_family
from app.ml.learning import PLAIN, learn
from app.ml.trainer import TrainedLevel, families_of_sums, train

BEFORE = 150  # days before the end: the earliest cutoff of accuracy.py


def main() -> None:
    """Print a table, then one JSON line a member."""
    options = _options()
    rows: list[dict[str, object]] = []
    for name, demand in (("restaurant", restaurant(options.restaurant)), ("journey", journey())):
        trained = train(until(demand, days_before_end=BEFORE))
        for level in (trained.categories, trained.products):
            rows += [{"set": name, "level": level.level.value} | row for row in _members(level)]
    table = pl.DataFrame(rows)
    with pl.Config(tbl_rows=100, tbl_width_chars=140, float_precision=4, tbl_hide_dataframe_shape=True):
        print(table)
    for row in rows:
        left_out = f"{row['set']} {row['level']} without {row['member']}"
        line = {"bench": "members", "figure": left_out, "ours": row["all"], "against": row["without"]}
        print(json.dumps(line | {"ratio": row["ratio"], "goal": 1.0, "holds": bool(float(str(row["ratio"])) <= 1)}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--restaurant", type=Path, default=RESTAURANT)
    return parser.parse_args()


def _members(level: TrainedLevel) -> list[dict[str, object]]:
    """WAPE with all members, without each, and of each alone; mean of the horizons."""
    evidence = level.evidence
    everything = _wape(evidence, _served(level, evidence))
    rows = []
    for member in _names(level):
        others = {name: said for name, said in evidence.totals.items() if name != member}
        without = _wape(evidence, _served(level, replace(evidence, totals=others)))
        alone = _wape(evidence, evidence.totals[member])
        ratio = round(everything / without, 4)
        rows.append(
            {
                "member": member,
                "alone": round(alone, 4),
                "without": round(without, 4),
                "all": round(everything, 4),
                "ratio": ratio,
            }
        )
    return rows


def _names(level: TrainedLevel) -> list[str]:
    """Members that the level's forecast is made of."""
    if level.level is Level.PRODUCT:
        return [name for name in level.evidence.totals if name not in {BASELINE, PLAIN}]
    return [name for models in families_of_sums(level.evidence).values() for name in models]


def _served(level: TrainedLevel, evidence: Evidence) -> np.ndarray:
    pools = level.learned.pools
    if level.level is Level.PRODUCT:
        return learn(evidence, pools=pools, n_pools=len(CLASSES), gate=True).served
    return learn(by_family(evidence, families_of_sums(evidence)), pools=pools, n_pools=1, gate=False).served


def _wape(evidence: Evidence, said: np.ndarray) -> float:
    """Over the origins at which something was said and is known."""
    known = np.isfinite(evidence.sold) & np.isfinite(said) & (evidence.facts["sales"] > 0)[:, None]
    of_horizon = [known[:, column] for column in range(len(HORIZONS))]
    return float(
        np.mean([wape(evidence.sold[:, c][over], said[:, c][over]) for c, over in enumerate(of_horizon) if over.any()])
    )


if __name__ == "__main__":
    main()
