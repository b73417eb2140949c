"""Ranges from the backtest's own errors, at the level and horizon where they are used.

This is split conformal prediction (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman, JASA 113, 2018) on errors over a
scale that grows with the size of the forecast (their section 5.2): a product of two units a month and one of two
thousand are wrong in different ways. In each size bin the quantiles of those scores are taken with the finite-sample
correction; between bins they are interpolated over the logarithm of the size.

Scores of one fold share its luck: a month that surprised the shop surprised all its products. Few folds show less of
that luck than there is, so their medians are spread as one more fold would be.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import QUANTILES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ROWS_A_BIN = 150
MOST_BINS = 16
SMALLEST = 1e-3  # units; the logarithm of a forecast under this is taken of this
GROWTH = 0.8  # errors grow as size to this power: 0.7 to 0.85 in three shops (Taylor, Nature 189, 1961)
FEWEST_FOLDS = 2.0  # apart, from which their spread says anything


@dataclass(frozen=True)
class Calibration:
    """Quantiles of scores: log sizes (bins,), scores (bins, quantiles)."""

    log_size: Floats
    scores: Floats

    def ranges(self, forecast: Floats) -> Floats:
        """p10, p50, p90 of each entry of `forecast`, quantiles first; ascending, never negative, nothing of nothing."""
        size = np.log(np.maximum(forecast, SMALLEST))
        scores = np.stack([np.interp(size, self.log_size, column) for column in self.scores.T])
        return np.maximum(forecast + scores * _scale(forecast, large=np.exp(self.log_size[-1])), 0) * (forecast > 0)


def calibrated(forecast: Floats, sold: Floats, *, fold: Ints | None = None, overlap: float = 1.0) -> Calibration:
    """Learn the scores from past forecasts and what then sold, one entry a series and origin.

    Args:
        forecast: units.
        sold: units.
        fold: number of its fold, one an entry; None where entries share no luck.
        overlap: how many neighbouring folds share a day.
    """
    if len(forecast) == 0:
        return WITHOUT_EVIDENCE
    order = np.argsort(forecast, kind="stable")
    bins = np.array_split(order, int(np.clip(len(order) // ROWS_A_BIN, 1, MOST_BINS)))
    sizes = np.maximum([np.median(forecast[one]) for one in bins], SMALLEST)
    scores = (sold - forecast) / _scale(forecast, large=sizes[-1])
    if fold is not None:
        scores = scores + _luck_unseen(scores, fold, overlap=overlap)
    return Calibration(np.log(sizes), np.array([conformal_quantiles(scores[one]) for one in bins]))


def calibrated_on_folds(said: Floats, sold: Floats, *, rows: Flags, overlap: float) -> Calibration:
    """Learn from some rows of a backtest.

    Args:
        said: units, (folds, series).
        sold: units, same shape.
        rows: which entries are learned from, same shape.
        overlap: how many neighbouring folds share a day.
    """
    return calibrated(said[rows], sold[rows], fold=np.nonzero(rows)[0], overlap=overlap)


def _scale(forecast: Floats, *, large: float) -> Floats:
    """Size of an ordinary error; beyond a `large` forecast it grows as the forecast does."""
    judged = np.minimum(forecast, large)
    return np.asarray((judged + 1) ** GROWTH * np.maximum(forecast / np.maximum(judged, 1), 1))


def _luck_unseen(scores: Floats, fold: Ints, *, overlap: float) -> Floats:
    """What to add to each score so that the folds' medians spread as far as one more fold may lie from them.

    Of K draws the spread around their own mean is (K - 1) / K of the variance, and one more draw lies (K + 1) / K of it
    from that mean: together sqrt((K + 1) / (K - 1)). Folds that share days count as fewer.
    """
    numbers, place = np.unique(fold, return_inverse=True)
    apart = max((len(numbers) - 1 + overlap) / overlap, FEWEST_FOLDS)
    medians = np.array([np.median(scores[place == one]) for one in range(len(numbers))])
    return np.asarray((np.sqrt((apart + 1) / (apart - 1)) - 1) * (medians - medians.mean())[place])


def conformal_quantiles(entries: Floats) -> Floats:
    """QUANTILES of exchangeable entries at rank q (n + 1), which the next entry keeps; between ranks, interpolated.

    Rounding the rank outwards instead promises at least 80 %, and of a dozen entries gives 85.
    """
    return np.quantile(entries, QUANTILES, method="weibull")


# A range from nothing to two and a half times a single unit, from a third to twice a thousand.
WITHOUT_EVIDENCE = Calibration(
    log_size=np.log(np.array([1.0, 1000.0])), scores=np.array([[-0.58, -0.06, 0.86], [-2.8, -0.2, 3.2]])
)
