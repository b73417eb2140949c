"""Fit Prophet's model to every series of a table at once."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from app.ml.prophet_model.block import Optimum, solve_additive, solve_multiplicative
from app.ml.prophet_model.design import GroupDesign, Shape, Timeline, design_group, group_by_observed_days, take
from app.ml.prophet_model.fitted import FittedProphets, Frame, Parameters
from app.ml.prophet_model.optimality import Estimate, log_posterior
from app.ml.prophet_model.own_days import OwnDesigns, design_each
from app.ml.prophet_model.problem import VARIANCE_FLOOR
from app.ml.prophet_model.spec import Outcome, ProphetSpec
from app.ml.prophet_model.stock import AHEAD, Features, stock_features

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK_VALUES = 2**18
"""Observations of the series fitted together, 2 MB: they stay in the cache, and memory stays bounded."""
STACK_VALUES = 2**19
"""Values of the designs that are made together, 4 MB."""
FEW = 4
"""Series with the same observed days that get a design each, in a stack, rather than one that they share: where designs
are so small that calling NumPy for one takes longer than making some more."""
CONSTANT_SIGMA = 1e-9
"""What Prophet itself reports as noise of a constant series."""
FITTING = Lock()


def fit(history: Floats, *, start: date, spec: ProphetSpec | None = None, threads: int | None = None) -> FittedProphets:
    """Fit one Prophet per row: the exact maximum of the posterior that the stock library seeks.

    Args:
        history: shape (n_series, n_days), consecutive days; NaN is a missing day, not a zero. As in Prophet a series
            begins at its first observed day, which sets its scales and changepoints.
        start: the first column's day.
        spec: the settings, by default those of `prophet.Prophet()`.
        threads: by default one per core that this process may use. The result does not depend on it.

    Raises:
        ValueError: a value is infinite, or `history` is not a table.
    """
    spec = spec or ProphetSpec()
    history = np.ascontiguousarray(history, dtype=np.float64)
    if history.ndim != 2:  # noqa: PLR2004 - a table has two dimensions
        raise ValueError(f"history must be (n_series, n_days), not {history.shape}")
    features = stock_features(spec, start, history.shape[1] + AHEAD)
    ledger = _Ledger.of(history, spec=spec, n_features=len(features.components))
    with _one_blas_thread():
        _share_out(_tasks(ledger, features), threads=threads or len(os.sched_getaffinity(0)))
    return ledger.as_fitted(start)


def _share_out(tasks: Iterator[Callable[[], None]], *, threads: int) -> None:
    """Let each thread draw the next task until none is left; what is waiting takes no memory."""
    drawing = Lock()

    def work(_: int) -> None:
        while True:
            with drawing:
                task = next(tasks, None)
            if task is None:
                return
            task()

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, range(threads)):
            pass


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Our threads share the cores; BLAS threads beneath them would wait for one another, ten times slower.

    The limit is the process's, so one fit holds it at a time; each uses every core anyway.
    """
    with FITTING, threadpool_limits(1, user_api="blas"):
        yield


@dataclass(frozen=True)
class _Ledger:
    """The result under way: each block of series writes its own rows."""

    spec: ProphetSpec
    history: Floats
    params: Parameters
    frame: Frame
    outcomes: NDArray[np.int8]
    objective: Floats
    kkt_residual: Floats

    @classmethod
    def of(cls, history: Floats, *, spec: ProphetSpec, n_features: int) -> "_Ledger":
        n, bends = len(history), spec.n_changepoints
        params = Parameters(
            k=np.zeros(n),
            m=np.zeros(n),
            delta=np.zeros((n, bends)),
            beta=np.zeros((n, n_features)),
            sigma_obs=np.full(n, CONSTANT_SIGMA),
        )
        frame = Frame(np.zeros(n, np.int64), np.ones(n, np.int64), np.ones(n), np.zeros((n, bends)))
        outcomes = np.full(n, Outcome.TOO_SHORT, np.int8)
        return cls(spec, history, params, frame, outcomes, np.full(n, np.inf), np.zeros(n))

    def as_fitted(self, start: date) -> FittedProphets:
        return FittedProphets(
            spec=self.spec,
            start=start,
            history=self.history,
            params=self.params,
            frame=self.frame,
            outcomes=self.outcomes,
            objective=self.objective,
            kkt_residual=self.kkt_residual,
        )


def _tasks(ledger: _Ledger, features: Features) -> Iterator[Callable[[], None]]:
    """Large groups in blocks that share a design made here, middling ones whole, the smallest many together."""
    n_days = max(1, ledger.history.shape[1])
    n_columns = len(features.components) + ledger.spec.n_changepoints + 2
    block, stack = max(1, BLOCK_VALUES // n_days), max(1, STACK_VALUES // (n_days * n_columns))
    few = min(FEW, max(1, stack // 8))
    waiting: dict[Shape, list[tuple[Timeline, int]]] = defaultdict(list)
    for series in group_by_observed_days(ledger.history):
        timeline = Timeline(np.flatnonzero(~np.isnan(ledger.history[series[0]])))
        if not timeline.is_enough:
            yield partial(_keep_level, ledger, series=series, rows=timeline.rows)
        elif len(series) > block:
            design = design_group(timeline, features, ledger.spec)
            for begin in range(0, len(series), block):
                yield partial(_fit_block, ledger, design, series=series[begin : begin + block])
        elif len(series) > few or ledger.spec.seasonality_mode == "multiplicative":
            yield partial(_fit_group, ledger, timeline, features, series=series)
        else:
            alike = waiting[timeline.shape(ledger.spec)]
            alike.extend((timeline, int(one)) for one in series)
            if len(alike) >= stack:
                yield partial(_fit_own, ledger, features, alike.copy())
                alike.clear()
    yield from (partial(_fit_own, ledger, features, alike) for alike in waiting.values() if alike)


def _fit_group(ledger: _Ledger, timeline: Timeline, features: Features, *, series: Integers) -> None:
    _fit_block(ledger, design_group(timeline, features, ledger.spec), series=series)


def _fit_own(ledger: _Ledger, features: Features, alike: list[tuple[Timeline, int]]) -> None:
    series = np.array([one for _, one in alike])
    table = ledger.history[series]
    scale, varied = _settle_levels(ledger, table, series=series)
    if len(varied):
        timelines = [alike[i][0] for i in varied]
        designs = design_each(timelines, features, ledger.spec, n_days=table.shape[1])
        scaled = np.where(designs.observed, table[varied], 0.0) / scale[varied, None]
        _write_optimum(ledger, designs, series=series[varied], optimum=solve_additive(designs, scaled))


def _keep_level(ledger: _Ledger, *, series: Integers, rows: Integers) -> None:
    """Too short for Prophet: the only observed value, or zero, goes on."""
    level = ledger.history[series][:, rows].sum(axis=1)
    ledger.params.m[series] = np.sign(level)
    ledger.frame.scale[series] = np.where(level == 0.0, 1.0, np.abs(level))


def _fit_block(ledger: _Ledger, design: GroupDesign, *, series: Integers) -> None:
    observed = take(take(ledger.history, series, axis=0), design.timeline.rows, axis=1)
    scale, varied = _settle_levels(ledger, observed, series=series)
    if len(varied):
        multiplicative = ledger.spec.seasonality_mode == "multiplicative" and len(design.columns) > 0
        solve = solve_multiplicative if multiplicative else solve_additive
        optimum = solve(design, take(observed, varied, axis=0) / scale[varied, None])
        _write_optimum(ledger, design, series=series[varied], optimum=optimum)


def _settle_levels(ledger: _Ledger, observed: Floats, *, series: Integers) -> tuple[Floats, Integers]:
    """Write scales, and levels as if constant; return the scales (B,) and the places of those that are not."""
    lowest, highest = np.fmin.reduce(observed, axis=1), np.fmax.reduce(observed, axis=1)
    scale = np.maximum(np.abs(lowest), np.abs(highest))
    if not np.isfinite(scale).all():
        raise ValueError("history holds an infinite value")
    scale[scale == 0.0] = 1.0
    ledger.frame.scale[series] = scale
    ledger.params.m[series] = lowest / scale
    ledger.outcomes[series] = Outcome.CONSTANT
    return scale, np.flatnonzero(lowest < highest)


def _write_optimum(ledger: _Ledger, design: GroupDesign | OwnDesigns, *, series: Integers, optimum: Optimum) -> None:
    estimate, frame = optimum.estimate, ledger.frame
    frame.first[series] = design.first
    frame.span[series] = design.span
    frame.changepoints[series, : design.changepoints.shape[-1]] = design.changepoints
    ledger.objective[series] = log_posterior(estimate, n_days=design.shared.n_days, tau=design.shared.tau)
    ledger.kkt_residual[series] = optimum.kkt_residual
    ledger.outcomes[series] = np.where(estimate.variances <= VARIANCE_FLOOR, Outcome.NOISELESS, Outcome.FITTED)
    _write_params(ledger.params, design, series=series, estimate=estimate)


def _write_params(
    params: Parameters, design: GroupDesign | OwnDesigns, *, series: Integers, estimate: Estimate
) -> None:
    """Back from unit priors to Prophet's own parameters."""
    coefficients = estimate.coefficients * design.scales
    params.m[series] = coefficients[:, 0]
    if design.n_trend > 1:
        params.k[series] = coefficients[:, 1]
    params.delta[series, : estimate.deltas.shape[1]] = estimate.deltas
    params.beta[np.ix_(series, design.columns)] = coefficients[:, design.n_trend :]
    params.sigma_obs[series] = np.sqrt(estimate.variances)
