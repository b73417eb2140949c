"""What a level learns from its backtest: weights, the gate, ranges; each fold judged by what the others taught.

fold 1   x x x x | y y y            x: seen   y: asked
fold 2   x x x x x x | y y y        what a fold sold is neither in the weights by which it is judged
fold 3   x x x x x x x x | y y y    nor among the errors from which its ranges come
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import HORIZONS
from app.ml.ensemble import PRIOR_ROWS, Moments, equal_by_family, importance, moments, pooled_weights
from app.ml.evidence import STEP, Evidence
from app.ml.fading import fading, levelling
from app.ml.ranges import Calibration, calibrated_on_folds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Table = tuple[tuple[Calibration, ...], ...]  # by pool and horizon

PRIOR_ROWS_OF_A_LEVEL = 20.0  # rows that a wider level's weights count as much as
PLAIN = "mean_56"  # what is served where the ensemble does not earn its place
FAMILIES = {
    "prophet": "trend",
    "company_outlook": "outlook",
    "category_outlook": "outlook",
    "boosted": "boosted",
}  # models that think alike; every other one estimates a level
ROWS_OF_THEIR_OWN = 600  # rows from which a pool has ranges of its own
ROWS_OF_THE_COMPANY = 9  # rows from which quantiles of 10 and 90 % can be told without a wider pool


@dataclass(frozen=True)
class Learned:
    """What a level learned, and what it would have said before.

    Attributes:
        models: names, in the order of the weights; of families of models where only those are weighed.
        pools: which series learn together, (origins, series).
        weights: (pools, models).
        gated: pools served by PLAIN, because the ensemble did not beat it.
        served: units in the next 30, 60, 90 days as served at each origin, (origins, horizons, series).
        ranges: p10, p50, p90 of these, (quantiles, origins, horizons, series).
        calibrations: by pool and horizon, of the newest origin.
    """

    models: tuple[str, ...]
    pools: Ints
    weights: Floats
    gated: Flags
    served: Floats
    ranges: Floats
    calibrations: Table


def learn(
    evidence: Evidence,
    *,
    pools: Ints,
    n_pools: int,
    gate: bool,
    silent: Ints | None = None,
    wider: Learned | None = None,
) -> Learned:
    """Learn weights pool by pool, drawn towards those of all pools together, and those towards a prior.

    Args:
        evidence: what the models said and what sold; the last origin is the end of the history. A model that abstains
            at an early origin (NaN) is not weighed there, nor are the others judged.
        pools: index of its pool, (origins, series).
        n_pools: how many pools there are.
        gate: whether a pool whose plain mean did better is served by it.
        silent: how long each series has been silent, as groups, (origins, series); with it the blend is levelled.
        wider: a level of many series that a level of one or few leans on, for its weights and for its ranges.
    """
    models = evidence.models
    said = np.stack([evidence.totals[name] for name in models], axis=-1)
    prior = wider.weights.mean(axis=0) if wider else equal_by_family([FAMILIES.get(name, "level") for name in models])
    folds = [_moments_by_pool(said[o], evidence.sold[o], pools=pools[o], n_pools=n_pools) for o in range(len(said))]
    rows = PRIOR_ROWS_OF_A_LEVEL if wider else PRIOR_ROWS
    weights = [_weights(_others(folds, fold), prior=prior, prior_rows=rows) for fold in range(len(folds))]
    blended = np.stack([_blended(said[o], weights[o][pools[o]]) for o in range(len(said))])
    if silent is not None:
        blended = blended * fading(evidence.sold, blended, groups=silent)
        blended = blended * levelling(evidence.sold, blended, groups=pools)
    gated = _gated(evidence, blended=blended, pools=pools, n_pools=n_pools) if gate else np.zeros(n_pools, dtype=bool)
    served = np.where(gated[pools][:, None], evidence.totals[PLAIN], blended) if gate else blended
    served = np.maximum.accumulate(np.maximum(served, 0), axis=1)
    tables = [_calibrations(evidence, served, pools=pools, n_pools=n_pools, without=o) for o in range(len(said))]
    if wider:
        tables = [_leaning(table, rows=np.isfinite(evidence.sold).sum(axis=(0, 2)), on=wider) for table in tables]
    ranges = np.stack([_ranges(served[o], tables[o], pools=pools[o]) for o in range(len(said))], axis=1)
    return Learned(models, pools, weights[-1], gated, served, ranges, tables[-1])


def _others(folds: Sequence[list[Moments]], fold: int) -> list[Moments]:
    """Moments of every pool over all folds but one; over that one where there is no other."""
    others = [moments for number, moments in enumerate(folds) if number != fold] or [folds[fold]]
    return [reduce(add, of_pool) for of_pool in zip(*others, strict=True)]


def _moments_by_pool(said: Floats, sold: Floats, *, pools: Ints, n_pools: int) -> list[Moments]:
    over = np.isfinite(sold[:, 0]) & np.isfinite(said).all(axis=(1, 2))  # who abstains is not judged beside the others
    return [_moments(said[over][:, pools == pool], sold[over][:, pools == pool]) for pool in range(n_pools)]


def _moments(said: Floats, sold: Floats) -> Moments:
    return moments(said.reshape(-1, said.shape[-1]), sold.ravel())


def _blended(said: Floats, weights: Floats) -> Floats:
    """What was said (horizons, series, models), weighed (series, models) among those that do not abstain."""
    speaks = np.isfinite(said)
    weighed = (np.where(speaks, said, 0) * weights).sum(axis=-1)
    return np.asarray(weighed / np.maximum((speaks * weights).sum(axis=-1), 1e-12))


def _weights(evidence: list[Moments], *, prior: Floats, prior_rows: float) -> Floats:
    """Weights of each pool, (pools, models)."""
    together = pooled_weights(reduce(add, evidence), prior=prior, prior_rows=prior_rows)
    return np.array([pooled_weights(of_pool, prior=together) for of_pool in evidence])


def _gated(evidence: Evidence, *, blended: Floats, pools: Ints, n_pools: int) -> Flags:
    """Pools whose plain mean was better in the backtest than the ensemble.

    Judged as the weights are, by squared error and importance. The absolute error would prefer, for products that
    rarely sell, whichever says nearly nothing.
    """
    over = np.isfinite(evidence.sold)
    of_row = np.where(over, pools[:, None], -1)
    plain = evidence.totals[PLAIN]
    gated = np.zeros(n_pools, dtype=bool)
    for pool in range(n_pools):
        sold, ours, theirs = (units[of_row == pool] for units in (evidence.sold, blended, plain))
        weight = importance(ours)
        gated[pool] = (weight * np.square(sold - ours)).sum() > (weight * np.square(sold - theirs)).sum()
    return gated


def _calibrations(evidence: Evidence, served: Floats, *, pools: Ints, n_pools: int, without: int) -> Table:
    """By pool and horizon, from every fold but one; a pool with few rows shares the ranges of all.

    A horizon that no fold has lived through yet takes over the ranges of the one before it.
    """
    folds = np.arange(len(served)) != without
    table: list[list[Calibration]] = []
    for column in range(len(HORIZONS)):
        said, sold = served[folds, column], evidence.sold[folds, column]
        learned_on = partial(calibrated_on_folds, said, sold, overlap=HORIZONS[column] / STEP)
        over = np.isfinite(sold)
        if table and not over.any():
            table.append(table[-1])
            continue
        together = learned_on(rows=over)
        own = [over & (pools[folds] == pool) for pool in range(n_pools)]
        table.append([learned_on(rows=rows) if rows.sum() >= ROWS_OF_THEIR_OWN else together for rows in own])
    return tuple(zip(*table, strict=True))


def _leaning(table: Table, *, rows: Ints, on: Learned) -> Table:
    """The wider level's ranges at horizons at which there are too few rows for any of its own."""
    wider = on.calibrations[0]
    pick = [
        own if count > ROWS_OF_THE_COMPANY else wider[column]
        for column, (own, count) in enumerate(zip(table[0], rows, strict=True))
    ]
    return (tuple(pick),)


def _ranges(served: Floats, table: Table, *, pools: Ints) -> Floats:
    """(quantiles, horizons, series)."""
    ranges = np.zeros((3, *served.shape))
    for pool, calibrations in enumerate(table):
        of_pool = pools == pool
        for column, calibration in enumerate(calibrations):
            ranges[:, column, of_pool] = calibration.ranges(served[column, of_pool])
    return ranges
