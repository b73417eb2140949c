"""Which series are fitted together: the work of a fit, as tasks that can be done in any order."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.ml.prophet_model.block import solve_additive, solve_multiplicative
from app.ml.prophet_model.design import GroupDesign, Shape, Timeline, design_group, group_by_observed_days, take
from app.ml.prophet_model.features import Features
from app.ml.prophet_model.filling import keep_level, settle_levels, write_optimum
from app.ml.prophet_model.fitted import FittedProphets
from app.ml.prophet_model.own_days import design_each

Integers = NDArray[np.int64]

BLOCK_VALUES = 2**18
"""Observations of the series fitted together, 2 MB: they stay in the cache, and memory stays bounded."""
STACK_VALUES = 2**19
"""Values of the designs that are made together, 4 MB."""
FEW = 4
"""Series with the same observed days that get a design each, in a stack, rather than one that they share: where designs
are so small that calling NumPy for one takes longer than making some more."""


def tasks(fitted: FittedProphets, features: Features) -> Iterator[Callable[[], None]]:
    """Large groups in blocks that share a design made here, middling ones whole, the smallest many together."""
    n_days = max(1, fitted.history.shape[1])
    n_columns = len(features.components) + fitted.spec.n_changepoints + 2
    block, stack = max(1, BLOCK_VALUES // n_days), max(1, STACK_VALUES // (n_days * n_columns))
    few = min(FEW, max(1, stack // 8))
    waiting: dict[Shape, list[tuple[Timeline, int]]] = defaultdict(list)
    for series in group_by_observed_days(fitted.history):
        timeline = Timeline(np.flatnonzero(~np.isnan(fitted.history[series[0]])))
        if not timeline.is_enough:
            yield partial(keep_level, fitted, series=series, rows=timeline.rows)
        elif len(series) > block:
            design = design_group(timeline, features, fitted.spec)
            for begin in range(0, len(series), block):
                yield partial(_fit_block, fitted, design, series=series[begin : begin + block])
        elif len(series) > few or fitted.spec.seasonality_mode == "multiplicative":
            yield partial(_fit_group, fitted, timeline, features, series=series)
        else:
            alike = waiting[timeline.shape(fitted.spec)]
            alike.extend((timeline, int(one)) for one in series)
            if len(alike) >= stack:
                yield partial(_fit_own, fitted, features, alike.copy())
                alike.clear()
    yield from (partial(_fit_own, fitted, features, alike) for alike in waiting.values() if alike)


def _fit_group(fitted: FittedProphets, timeline: Timeline, features: Features, *, series: Integers) -> None:
    _fit_block(fitted, design_group(timeline, features, fitted.spec), series=series)


def _fit_own(fitted: FittedProphets, features: Features, alike: list[tuple[Timeline, int]]) -> None:
    series = np.array([one for _, one in alike])
    table = fitted.history[series]
    scale, varied = settle_levels(fitted, table, series=series)
    if len(varied):
        timelines = [alike[i][0] for i in varied]
        designs = design_each(timelines, features, fitted.spec, n_days=table.shape[1])
        scaled = np.where(designs.observed, table[varied], 0.0) / scale[varied, None]
        write_optimum(fitted, designs, series=series[varied], optimum=solve_additive(designs, scaled))


def _fit_block(fitted: FittedProphets, design: GroupDesign, *, series: Integers) -> None:
    observed = take(take(fitted.history, series, axis=0), design.timeline.rows, axis=1)
    scale, varied = settle_levels(fitted, observed, series=series)
    if len(varied):
        multiplicative = fitted.spec.seasonality_mode == "multiplicative" and len(design.columns) > 0
        solve = solve_multiplicative if multiplicative else solve_additive
        optimum = solve(design, take(observed, varied, axis=0) / scale[varied, None])
        write_optimum(fitted, design, series=series[varied], optimum=optimum)
