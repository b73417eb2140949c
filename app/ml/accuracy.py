"""The backtest's figures, ours beside what a shop gets without any system."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import BIAS, COVERAGE, HORIZON_DAYS, LEVEL, MAPE, MODEL, RMSE, RMSSE, WAPE
from app.domain.forecasts import AVERAGE, BASELINE, HORIZONS, OURS, Level
from app.ml.evaluator import bias, coverage, mape, rmse, rmsse, wape
from app.ml.evidence import Evidence, equal_average
from app.ml.learning import PLAIN, Learned

SCHEMA = {
    LEVEL: pl.String,
    HORIZON_DAYS: pl.Int32,
    MODEL: pl.String,
    MAPE: pl.Float64,
    RMSE: pl.Float64,
    WAPE: pl.Float64,
    RMSSE: pl.Float64,
    BIAS: pl.Float64,
    COVERAGE: pl.Float64,
}

Floats = NDArray[np.float64]


def accuracy_table(level: Level, evidence: Evidence, learned: Learned) -> pl.DataFrame:
    """One row a horizon and model, over all folds that are over; empty where the history is too short for one."""
    alone = {BASELINE: evidence.totals[BASELINE], PLAIN: evidence.totals[PLAIN]}
    rivals = {OURS: learned.served, **alone, AVERAGE: equal_average(evidence)}
    rows = []
    for column, days in enumerate(HORIZONS):
        over = np.isfinite(evidence.sold[:, column]) & (evidence.facts["sales"] > 0)
        sold = evidence.sold[:, column][over]
        scale = np.broadcast_to(evidence.scale[column], over.shape)[over]
        low, _, high = learned.ranges[:, :, column][:, over]
        for model, said in rivals.items():
            figures = _figures(sold, said[:, column][over], scale=scale)
            covered = coverage(sold, low, high) if model == OURS else float("nan")
            rows.append({LEVEL: level.value, HORIZON_DAYS: days, MODEL: model, **figures, COVERAGE: covered})
    table = pl.DataFrame(rows, schema=SCHEMA).with_columns(pl.col(pl.Float64).fill_nan(None))
    return table.filter(pl.col(RMSE).is_not_null())


def _figures(sold: Floats, said: Floats, *, scale: Floats) -> dict[str, float]:
    return {
        MAPE: mape(sold, said),
        RMSE: rmse(sold, said),
        WAPE: wape(sold, said),
        RMSSE: rmsse(sold, said, scale=scale) if len(sold) else float("nan"),
        BIAS: bias(sold, said),
    }
