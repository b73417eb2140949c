"""How much less than its pace what is on the shelf today goes on selling.

Products fade: their pace was measured on days on which they were all alive. And one that has been silent for longer
than is usual for it has mostly stopped. Both are read off the folds, group by group.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SALES_MISSED = (5.0, 10.0)  # lower ends of the bins, but for the first, the ordinary
FEWEST_FOLDS = 3  # folds from which a bias can be told from chance
PRIOR_UNITS = 10.0  # weighed units sold as said that each group starts from
CERTAIN = 2.0  # standard errors


def silence(facts: Mapping[str, Floats]) -> Ints:
    """Group of each series by how many sales it missed, at its usual frequency, since the last one."""
    often = facts["sales"] / np.maximum(facts["age"], 1)
    return np.digitize(facts["since"] * np.minimum(often, 1), SALES_MISSED)


def fading(sold: Floats, said: Floats, *, groups: Ints) -> Floats:
    """As `levelling`, but only downwards: silence is never a reason to expect more."""
    return np.minimum(levelling(sold, said, groups=groups), 1)


def levelling(sold: Floats, said: Floats, *, groups: Ints) -> Floats:
    """By how much to multiply what was said so that no group is wrong in every fold alike, (origins, horizons, series).

    A fold's own sales stay out of its factors. The other folds' mean log ratio is shrunk by the positive-part
    James-Stein rule: a bias that the folds do not agree on is left alone. A longer horizon with too few folds to tell
    takes over the shorter one's, and what fades by the first horizon does not come back by the next.

    Args:
        sold: (origins, horizons, series), NaN where not known.
        said: same shape.
        groups: (origins, series).
    """
    count = int(groups.max()) + 1
    ratios = np.array([_log_ratios(*fold, count=count) for fold in zip(sold, said, groups, strict=True)])
    factors = [_factors(np.delete(ratios, fold, axis=0)) for fold in range(len(said))]
    return np.stack([factor[:, group] for factor, group in zip(factors, groups, strict=True)])


def _log_ratios(sold: Floats, said: Floats, groups: Ints, *, count: int) -> Floats:
    """Log of sold over said by group, each series weighed by one over the root of its size, (horizons, groups)."""
    ratios = np.full((len(sold), count), np.nan)
    for column in np.flatnonzero(np.isfinite(sold[:, 0])):
        weight = 1 / np.sqrt(1 + said[column])
        sums = [np.bincount(groups, weight * units[column], minlength=count) for units in (sold, said)]
        ratios[column] = np.log((sums[0] + PRIOR_UNITS) / (sums[1] + PRIOR_UNITS))
    return ratios


def _factors(ratios: Floats) -> Floats:
    """Factors from the folds' log ratios (folds, horizons, groups); (horizons, groups)."""
    factors = np.ones(ratios.shape[1:])
    for column in range(len(factors)):
        known = ratios[np.isfinite(ratios[:, column, 0]), column]
        enough = len(known) >= FEWEST_FOLDS
        factors[column] = np.exp(_shrunk(known)) if enough else factors[max(column - 1, 0)]
    return np.where(factors[0] < 1, np.minimum.accumulate(factors, axis=0), factors)


def _shrunk(ratios: Floats) -> Floats:
    """Mean over the rows, shrunk towards zero; to zero where it is less than CERTAIN standard errors from it."""
    mean, error = ratios.mean(axis=0), ratios.var(axis=0, ddof=1) / len(ratios)
    keep = 1 - CERTAIN**2 * error / np.maximum(np.square(mean), 1e-12)
    return np.asarray(mean * np.clip(keep, 0, 1))
