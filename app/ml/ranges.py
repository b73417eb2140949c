"""Ranges from the backtest's own errors, at the level and horizon where they are used.

This is split conformal prediction (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman, JASA 113, 2018).

Errors are pooled over series that are forecast at about the same size: a product of two units a month and one of two
thousand are wrong in different ways. In each size bin the quantiles of what sold over what was forecast are taken with
the finite-sample correction; between bins they are interpolated over the logarithm of the size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import QUANTILES

Floats = NDArray[np.float64]

ROWS_A_BIN = 150
MOST_BINS = 16
SMALLEST = 1e-3  # units; a forecast under this counts as this


@dataclass(frozen=True)
class Calibration:
    """Quantiles of sold over forecast: log sizes (bins,), ratios (bins, quantiles)."""

    log_size: Floats
    ratios: Floats

    def ranges(self, forecast: Floats) -> Floats:
        """p10, p50, p90 of each entry of `forecast`, quantiles first; ascending and never negative."""
        size = np.log(np.maximum(forecast, SMALLEST))
        ratios = np.stack([np.interp(size, self.log_size, column) for column in self.ratios.T])
        return ratios * np.maximum(forecast, 0)


def calibrated(forecast: Floats, sold: Floats) -> Calibration:
    """Learn the ratios from past forecasts and what then sold, one entry a series and origin."""
    if len(forecast) == 0:
        return WITHOUT_EVIDENCE
    order = np.argsort(forecast, kind="stable")
    bins = np.array_split(order, int(np.clip(len(order) // ROWS_A_BIN, 1, MOST_BINS)))
    ratio = sold / np.maximum(forecast, SMALLEST)
    return Calibration(
        log_size=np.array([np.log(np.maximum(np.median(forecast[one]), SMALLEST)) for one in bins]),
        ratios=np.array([conformal_quantiles(ratio[one]) for one in bins]),
    )


def conformal_quantiles(entries: Floats) -> Floats:
    """QUANTILES of exchangeable entries, the outer ones at the rank that keeps their promise on the next entry."""
    ordered = np.sort(entries)
    count = len(ordered)
    low, _, high = QUANTILES
    ranks = [np.floor(low * (count + 1)) - 1, count // 2, np.ceil(high * (count + 1)) - 1]
    return np.asarray(ordered[np.clip(ranks, 0, count - 1).astype(int)])


WITHOUT_EVIDENCE = Calibration(
    log_size=np.log(np.array([1.0, 1000.0])), ratios=np.array([[0.0, 0.9, 2.5], [0.3, 0.95, 1.8]])
)
