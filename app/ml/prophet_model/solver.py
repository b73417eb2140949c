"""The maximum of Prophet's posterior for many series that share one design, in machine code.

With y scaled, X the ridge columns (trend offset and slope, seasonality, holidays), each multiplied by its prior's
standard deviation so that its coefficient c has prior N(0, 1), and H the hinges of the trend, Prophet's Stan model
maximises over c, delta and sigma, with v = sigma^2 and n observations,

    -n log(sigma) - |y - X c - H delta|^2 / (2 v) - |c|^2 / 2 - sum|delta| / tau - 2 v.

For a given v this is a lasso in delta once c is eliminated. X is handed in turned into its own eigenbasis,
X'X = diag(d), so that a new v only changes the diagonal w = 1 / (d + v):

    S = H'H - Q diag(w) Q',   Q = H'X,   target = H'y - Q (w * X'y),   lambda = v / tau.

For a given SSR the derivative by sigma is zero where 4 v^2 + n v = SSR. Together: a root in v of
SSR(v) - n v - 4 v^2, sought from above, where the lasso is solved at each v by an active-set method that starts from
the previous v's active set, so that only a few small systems are solved per series.

All kernels live in this one file: numba's cache on disk notices a change of a function's own file only, and would go on
using an old kernel of another.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ml.jit import kernel
from app.ml.prophet_model.problem import VARIANCE_FLOOR, SharedDesign, StackedDesigns, Sums, variance_given

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

VARIANCE_TOLERANCE = 1e-12
SLACK = 1e-10
"""Share of the penalty by which an idle hinge may be pulled beyond it."""
SINGULAR = 1e-13
ROUNDS = 200
"""Bound on steps in v, and on hinges that enter at one v; a handful of each are usual."""

_variance_given = kernel(variance_given)


class Workbench(NamedTuple):
    """Room to work in, allocated once per block of series."""

    weights: Floats  # (R,) 1 / (eigenvalue + v)
    free: Floats  # (R,) what the ridge columns have left to explain
    target: Floats  # (S,) correlation of each hinge with y once ridge columns are eliminated
    columns: Floats  # (S, S) row j: column j of the eliminated Gram matrix, where it was needed
    known: NDArray[np.bool_]  # (S,) which of them are filled for the present v
    active: Integers  # (S,) hinges in use, in order of entry
    signs: Floats  # (S,) of the hinges in use
    factor: Floats  # (S, S) Cholesky factor of the active part
    goal: Floats  # (S,) where the active hinges would be without sign limits


@kernel
def _workbench(n_ridge: int, n_hinges: int) -> Workbench:
    return Workbench(
        np.zeros(n_ridge),
        np.zeros(n_ridge),
        np.zeros(n_hinges),
        np.zeros((n_hinges, n_hinges)),
        np.zeros(n_hinges, np.bool_),
        np.zeros(n_hinges, np.int64),
        np.zeros(n_hinges),
        np.zeros((n_hinges, n_hinges)),
        np.zeros(n_hinges),
    )


@kernel
def _ridge_only_variance(shared: SharedDesign, sums: Sums) -> float:
    """A start from above: the root in v with all hinges at zero, by its own fixed point."""
    variance = _variance_given(sums.energy, shared.n_days)
    for _ in range(8):
        ssr = sums.energy
        for r in range(sums.ridge.size):
            weight = 1.0 / (shared.eigenvalues[r] + variance)
            ssr -= sums.ridge[r] * sums.ridge[r] * weight * (1.0 + variance * weight)
        following = max(_variance_given(max(ssr, 0.0), shared.n_days), VARIANCE_FLOOR)
        if following > 0.99 * variance:
            return following
        variance = following
    return variance


@kernel
def _eliminate_ridge(shared: SharedDesign, sums: Sums, variance: float, bench: Workbench) -> None:
    """Set up the lasso of this v: weights and targets; columns of its Gram matrix are made when asked for."""
    for r in range(sums.ridge.size):
        bench.weights[r] = 1.0 / (shared.eigenvalues[r] + variance)
        bench.free[r] = bench.weights[r] * sums.ridge[r]
    for s in range(sums.hinges.size):
        explained = 0.0
        for r in range(sums.ridge.size):
            explained += shared.mixed[s, r] * bench.free[r]
        bench.target[s] = sums.hinges[s] - explained
        bench.known[s] = False


@kernel
def _fill_column(shared: SharedDesign, j: int, bench: Workbench) -> None:
    if bench.known[j]:
        return
    for r in range(bench.weights.size):
        bench.free[r] = bench.weights[r] * shared.mixed[j, r]
    for s in range(bench.known.size):
        explained = 0.0
        for r in range(bench.weights.size):
            explained += shared.mixed[s, r] * bench.free[r]
        bench.columns[j, s] = shared.hinges[j, s] - explained
    bench.known[j] = True


@kernel
def _factorise(bench: Workbench, count: int) -> int:
    """Cholesky factor of the active part; the place that is singular to working precision, else `count`."""
    for i in range(count):
        row = bench.columns[bench.active[i]]
        for j in range(i + 1):
            total = row[bench.active[j]]
            for k in range(j):
                total -= bench.factor[i, k] * bench.factor[j, k]
            if i > j:
                bench.factor[i, j] = total / bench.factor[j, j]
            elif total <= SINGULAR * row[bench.active[i]]:
                return i
            else:
                bench.factor[i, i] = math.sqrt(total)
    return count


@kernel
def _substitute(bench: Workbench, count: int) -> None:
    """Solve the active system in place: `goal` holds the right-hand side, then the solution."""
    for i in range(count):
        total = bench.goal[i]
        for k in range(i):
            total -= bench.factor[i, k] * bench.goal[k]
        bench.goal[i] = total / bench.factor[i, i]
    for i in range(count - 1, -1, -1):
        total = bench.goal[i]
        for k in range(i + 1, count):
            total -= bench.factor[k, i] * bench.goal[k]
        bench.goal[i] = total / bench.factor[i, i]


@kernel
def _step_to_goal(delta: Floats, bench: Workbench, count: int) -> int:
    """Move the active hinges to their goal, or to the first change of sign on the way, and drop what reached zero."""
    step = 1.0
    blocking = -1
    for i in range(count):
        if bench.goal[i] * bench.signs[i] <= 0.0:
            here = delta[bench.active[i]]
            reach = here / (here - bench.goal[i]) if here != bench.goal[i] else 0.0
            if reach < step:
                step = reach
                blocking = i
    kept = 0
    for i in range(count):
        j = bench.active[i]
        delta[j] = delta[j] + step * (bench.goal[i] - delta[j])
        if i == blocking or delta[j] * bench.signs[i] <= 0.0:
            delta[j] = 0.0
            continue
        bench.active[kept] = j
        bench.signs[kept] = bench.signs[i]
        kept += 1
    return kept


@kernel
def _leave(place: int, delta: Floats, bench: Workbench, count: int) -> int:
    delta[bench.active[place]] = 0.0
    for i in range(place, count - 1):
        bench.active[i] = bench.active[i + 1]
        bench.signs[i] = bench.signs[i + 1]
    return count - 1


@kernel
def _settle_active(shared: SharedDesign, penalty: float, delta: Floats, bench: Workbench, count: int) -> int:
    """Minimise over the active hinges, dropping those whose sign would change, until none would."""
    while count > 0:
        for i in range(count):
            _fill_column(shared, bench.active[i], bench)
            bench.goal[i] = bench.target[bench.active[i]] - penalty * bench.signs[i]
        singular = _factorise(bench, count)
        if singular < count:
            count = _leave(singular, delta, bench, count)
            continue
        _substitute(bench, count)
        kept = _step_to_goal(delta, bench, count)
        if kept == count:
            return count
        count = kept
    return count


@kernel
def _most_wanted(penalty: float, bench: Workbench, delta: Floats, count: int) -> tuple[int, float]:
    """The idle hinge that breaks its optimality condition most, with its sign; -1 where all hold."""
    wanted = -1
    sign = 0.0
    worst = penalty * (1.0 + SLACK)
    for s in range(delta.size):
        if delta[s] != 0.0:
            continue
        pull = bench.target[s]
        for i in range(count):
            j = bench.active[i]
            pull -= bench.columns[j, s] * delta[j]
        if abs(pull) > worst:
            worst = abs(pull)
            wanted = s
            sign = 1.0 if pull > 0.0 else -1.0
    return wanted, sign


@kernel
def _solve_lasso(shared: SharedDesign, variance: float, delta: Floats, bench: Workbench, count: int) -> int:
    """The hinges for this v, from the active set of the v before; returns how many are in use."""
    penalty = variance / shared.tau
    count = _settle_active(shared, penalty, delta, bench, count)
    for _ in range(ROUNDS):
        wanted, sign = _most_wanted(penalty, bench, delta, count)
        if wanted < 0:
            break
        bench.active[count] = wanted
        bench.signs[count] = sign
        after = _settle_active(shared, penalty, delta, bench, count + 1)
        if delta[wanted] == 0.0 and after == count:
            break  # it cannot enter: singular beside those in use
        count = after
    return count


@kernel
def _residual(shared: SharedDesign, sums: Sums, delta: Floats, bench: Workbench, count: int) -> float:
    """Fill `free` with the ridge coefficients for these hinges; return the sum of squared residuals."""
    for r in range(sums.ridge.size):
        bench.free[r] = sums.ridge[r]
    ssr = sums.energy
    for i in range(count):
        j = bench.active[i]
        weight = delta[j]
        for r in range(sums.ridge.size):
            bench.free[r] -= weight * shared.mixed[j, r]
        quadratic = 0.0
        for k in range(count):
            quadratic += shared.hinges[j, bench.active[k]] * delta[bench.active[k]]
        ssr += weight * (quadratic - 2.0 * sums.hinges[j])
    explained = 0.0
    for r in range(sums.ridge.size):
        left = bench.free[r]
        bench.free[r] = left * bench.weights[r]
        explained += left * bench.free[r] * (2.0 - shared.eigenvalues[r] * bench.weights[r])
    return max(ssr - explained, 0.0)


@kernel
def _residual_slope(shared: SharedDesign, variance: float, bench: Workbench, count: int) -> float:
    """Derivative of SSR by v along the optimum: 2 v p' M^-1 p, p the penalty's gradient, M the penalised Gram."""
    total = 0.0
    for r in range(bench.free.size):
        total += bench.weights[r] * bench.free[r] * bench.free[r]
    for i in range(count):
        j = bench.active[i]
        mixed = 0.0
        for r in range(bench.free.size):
            mixed += shared.mixed[j, r] * bench.weights[r] * bench.free[r]
        bench.goal[i] = bench.signs[i] / shared.tau - mixed
    for i in range(count):
        value = bench.goal[i]
        for k in range(i):
            value -= bench.factor[i, k] * bench.goal[k]
        bench.goal[i] = value / bench.factor[i, i]
        total += bench.goal[i] * bench.goal[i]
    return 2.0 * variance * total


@kernel
def _next_variance(variance: float, low: float, high: float, ssr: float, slope: float, n_days: int) -> float:
    """Newton's step on SSR(v) - n v - 4 v^2 where it stays between the bounds, else the fixed point's."""
    gradient = slope - n_days - 8.0 * variance
    if gradient < 0.0:
        newton = variance - (ssr - n_days * variance - 4.0 * variance * variance) / gradient
        if low < newton < high:
            return newton
    plain = _variance_given(ssr, n_days)
    if plain <= VARIANCE_FLOOR:
        return VARIANCE_FLOOR
    return plain if low < plain < high else math.sqrt(low * high)


@kernel
def _fit_one(shared: SharedDesign, sums: Sums, delta: Floats, bench: Workbench) -> tuple[float, float]:
    """Fill `delta` and the ridge coefficients in `bench.free`; return v, at its floor where it has no root, and SSR."""
    low = VARIANCE_FLOOR
    high = np.inf
    count = int(np.int64(0))  # a literal 0 would have every function compiled twice
    ssr = sums.energy
    variance = _ridge_only_variance(shared, sums)
    for _ in range(ROUNDS):
        _eliminate_ridge(shared, sums, variance, bench)
        count = _solve_lasso(shared, variance, delta, bench, count)
        ssr = _residual(shared, sums, delta, bench, count)
        optimum = _variance_given(ssr, shared.n_days)
        if abs(optimum - variance) <= VARIANCE_TOLERANCE * variance or variance <= VARIANCE_FLOOR >= optimum:
            break
        if optimum < variance:
            high = variance
        else:
            low = variance
        if high - low <= VARIANCE_TOLERANCE * high:
            break
        slope = _residual_slope(shared, variance, bench, count)
        following = _next_variance(variance, low, high, ssr, slope, shared.n_days)
        variance = following if following > 1.0001 * VARIANCE_FLOOR else VARIANCE_FLOOR
    return variance, ssr


@kernel
def fit_block(
    shared: SharedDesign, cross: Floats, hinge_cross: Floats, energy: Floats, coefficients: Floats, deltas: Floats
) -> tuple[Floats, Floats]:
    """Fit every series of a block; one row per series throughout.

    Args:
        shared: the group's design.
        cross: ridge columns (in their eigenbasis) times y, shape (B, R).
        hinge_cross: hinges times y, shape (B, S).
        energy: y'y, shape (B,).
        coefficients: filled with the ridge coefficients in the eigenbasis, shape (B, R).
        deltas: filled with the changes of slope, shape (B, S); zero on entry.

    Returns:
        v = sigma^2 and the sum of squared residuals of each series, both of shape (B,).
    """
    bench = _workbench(cross.shape[1], hinge_cross.shape[1])
    variances = np.empty(energy.size)
    ssr = np.empty(energy.size)
    for i in range(energy.size):
        variances[i], ssr[i] = _fit_one(shared, Sums(cross[i], hinge_cross[i], energy[i]), deltas[i], bench)
        for r in range(bench.free.size):
            coefficients[i, r] = bench.free[r]
    return variances, ssr


@kernel
def fit_each(
    designs: StackedDesigns, cross: Floats, hinge_cross: Floats, energy: Floats, coefficients: Floats, deltas: Floats
) -> tuple[Floats, Floats]:
    """As `fit_block`, where every series has a design of its own."""
    bench = _workbench(cross.shape[1], hinge_cross.shape[1])
    variances = np.empty(energy.size)
    ssr = np.empty(energy.size)
    for i in range(energy.size):
        own = SharedDesign(designs.eigenvalues[i], designs.mixed[i], designs.hinges[i], designs.n_days[i], designs.tau)
        variances[i], ssr[i] = _fit_one(own, Sums(cross[i], hinge_cross[i], energy[i]), deltas[i], bench)
        for r in range(bench.free.size):
            coefficients[i, r] = bench.free[r]
    return variances, ssr
