"""From what was sold to a trained forecast: backtest, weights, gate, ranges."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import BIAS, COVERAGE, HORIZON_DAYS, LEVEL, MAPE, MODEL, RMSE, RMSSE, WAPE
from app.domain.forecasts import BASELINE, HORIZONS, OURS, Level
from app.ml.demand import Demand, screened
from app.ml.demand_classes import CLASSES, classified
from app.ml.ensemble import Moments, moments, pooled_weights
from app.ml.evaluator import bias, coverage, mape, rmse, rmsse, wape
from app.ml.evidence import Evidence, evidence_of, gathered, origins_of
from app.ml.history import History, history_of
from app.ml.openings import open_days_ahead
from app.ml.ranges import Calibration, calibrated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[str, float], None]

GATE = "mean_56"
ACCURACY = {
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
FOLDS = 6  # origins of the backtest; the 90-day totals of the newest two are not over yet, so they have four


@dataclass(frozen=True)
class TrainedLevel:
    """One level's evidence and what was learned from it.

    Attributes:
        evidence: of every series at every origin; the last origin is the end of the history.
        kinds: index into `demand_classes.CLASSES`, (origins, series).
        weights: by class, (classes, models).
        gated: classes that are served by their 56-day mean because the ensemble did not beat it.
        calibrations: one a horizon.
        backtest: by model, what was said at each origin, (origins, horizons, series).
    """

    level: Level
    ids: list[str]
    evidence: Evidence
    kinds: Ints
    weights: Floats
    gated: NDArray[np.bool_]
    calibrations: tuple[Calibration, ...]
    backtest: dict[str, Floats]


@dataclass(frozen=True)
class Trained:
    """All that a forecast needs."""

    demand: Demand
    history: History
    rows_left_out: int
    company: TrainedLevel
    categories: TrainedLevel
    products: TrainedLevel
    accuracy: pl.DataFrame


def train(demand: Demand, *, progress: Progress | None = None) -> Trained:
    """Backtest every model on every series, learn weights and ranges from it.

    Args:
        demand: what was sold; rows that cannot be sales are left out and counted.
        progress: told a stage and the share of the work done, from 0 to 1.

    Raises:
        NothingToForecast: not one sale.
    """
    tell = progress or _silent
    clean, rows_left_out = screened(demand)
    history = history_of(clean)
    origins = origins_of(history.n_days, most=FOLDS)
    open_ahead = open_days_ahead(history, origins=origins)

    def gather(units: Floats) -> Evidence:
        return evidence_of(units, history=history, open_ahead=open_ahead, origins=origins)

    tell("products", 0.1)
    products = gathered(gather(history.dense(block)) for block in history.blocks())
    tell("categories", 0.6)
    by_category = history.by_category()
    categories = gather(by_category)
    company = gather(by_category.sum(axis=1, keepdims=True))
    tell("weights", 0.8)
    levels = (
        _trained(Level.COMPANY, [demand.company], company),
        _trained(Level.CATEGORY, history.categories, categories),
        _trained(Level.PRODUCT, history.skus, products),
    )
    tell("done", 1.0)
    accuracy = pl.concat([_accuracy(level) for level in levels])
    return Trained(clean, history, rows_left_out, *levels, accuracy=accuracy)


def _silent(stage: str, share: float) -> None:
    """Nobody asked for progress."""


def _trained(level: Level, ids: list[str], evidence: Evidence) -> TrainedLevel:
    kinds = classified(evidence.facts)
    said = stacked(evidence)
    per_fold = _moments_by_class(evidence, said=said, kinds=kinds)
    weights = np.array([pooled_weights(_sum(of_class)) for of_class in zip(*per_fold, strict=True)])
    tested = backtested(evidence, said=said, kinds=kinds, per_fold=per_fold)
    gated = _gated(evidence, tested=tested, kinds=kinds)
    served = np.where(gated[kinds][:, None], evidence.totals[GATE], tested)
    return TrainedLevel(
        level=level,
        ids=ids,
        evidence=evidence,
        kinds=kinds,
        weights=weights,
        gated=gated,
        calibrations=_calibrations(evidence, served=served),
        backtest={OURS: served, BASELINE: evidence.totals[BASELINE], GATE: evidence.totals[GATE]},
    )


def stacked(evidence: Evidence) -> Floats:
    """What the models say, (origins, horizons, series, models)."""
    return np.stack([said for name, said in evidence.totals.items() if name != BASELINE], axis=-1)


def _moments_by_class(evidence: Evidence, *, said: Floats, kinds: Ints) -> list[list[Moments]]:
    """One a fold and class."""
    return [
        [_moments_of(said[fold], evidence.sold[fold], of_class=kinds[fold] == kind) for kind in range(len(CLASSES))]
        for fold in range(len(evidence.origins))
    ]


def _moments_of(said: Floats, sold: Floats, *, of_class: NDArray[np.bool_]) -> Moments:
    over = np.isfinite(sold[:, 0])
    rows = said[over][:, of_class]
    return moments(rows.reshape(-1, said.shape[-1]), sold[over][:, of_class].ravel())


def _sum(parts: tuple[Moments, ...]) -> Moments:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def backtested(evidence: Evidence, *, said: Floats, kinds: Ints, per_fold: list[list[Moments]]) -> Floats:
    """What the ensemble would have said at each origin with weights learned without it, (origins, horizons, series)."""
    answers = np.empty(said.shape[:-1])
    for fold in range(len(said)):
        others = [moments for number, moments in enumerate(per_fold) if number != fold] or per_fold
        weights = np.array([pooled_weights(_sum(of_class)) for of_class in zip(*others, strict=True)])
        answers[fold] = np.einsum("hsm,sm->hs", said[fold], weights[kinds[fold]])
    return answers


def _gated(evidence: Evidence, *, tested: Floats, kinds: Ints) -> NDArray[np.bool_]:
    """Classes whose 56-day mean did better than the ensemble."""
    over = np.isfinite(evidence.sold)
    plain = evidence.totals[GATE]
    by_row = np.broadcast_to(kinds[:, None], over.shape)
    rows = [over & (by_row == kind) for kind in range(len(CLASSES))]
    return np.array([wape(evidence.sold[of], tested[of]) > wape(evidence.sold[of], plain[of]) for of in rows])


def _calibrations(evidence: Evidence, *, served: Floats) -> tuple[Calibration, ...]:
    over = np.isfinite(evidence.sold)
    return tuple(
        calibrated(served[:, column][over[:, column]], evidence.sold[:, column][over[:, column]])
        for column in range(len(HORIZONS))
    )


def _accuracy(level: TrainedLevel) -> pl.DataFrame:
    """The backtest's figures by horizon, ours beside the naive ones."""
    rows = [
        _figures(level, model=model, forecast=forecast, column=column)
        for column in range(len(HORIZONS))
        for model, forecast in level.backtest.items()
    ]
    return pl.DataFrame(rows, schema=ACCURACY).with_columns(pl.col(pl.Float64).fill_nan(None))


def _figures(level: TrainedLevel, *, model: str, forecast: Floats, column: int) -> dict[str, object]:
    sold = level.evidence.sold[:, column]
    over = np.isfinite(sold)
    actual, said = sold[over], forecast[:, column][over]
    scale = np.broadcast_to(level.evidence.scale[column], over.shape)[over]
    ours = model == OURS and bool(over.any())
    low, _, high = level.calibrations[column].ranges(said)
    return {
        LEVEL: level.level.value,
        HORIZON_DAYS: HORIZONS[column],
        MODEL: model,
        MAPE: mape(actual, said),
        RMSE: rmse(actual, said),
        WAPE: wape(actual, said),
        RMSSE: rmsse(actual, said, scale=scale) if over.any() else float("nan"),
        BIAS: bias(actual, said),
        COVERAGE: coverage(actual, low, high) if ours else float("nan"),
    }
