"""What the company and each category expect against their own recent pace, for products to lean on.

A product sells too seldom to show a season. Its category, or the whole shop, does: their forecast over what plain
smoothing says is a factor that a product's own pace can be multiplied by.
"""

import numpy as np
from numpy.typing import NDArray

from app.ml.evidence import Evidence

Floats = NDArray[np.float64]

PACE = ("ses_slow", "ses", "seasonal_ses", "tsb")  # smoothings that know neither trend nor season
FURTHEST = 4.0  # a factor beyond this, or below one over it, is noise


def pace(evidence: Evidence) -> Floats:
    """Totals at the recent pace, (origins, horizons, series)."""
    return np.asarray(np.mean([evidence.totals[name] for name in PACE], axis=0))


def outlook(served: Floats, *, evidence: Evidence) -> Floats:
    """Forecast over recent pace, (origins, horizons, series); 1 where nothing sells."""
    recent = pace(evidence)
    factor = np.divide(served, recent, out=np.ones_like(served), where=recent > 0)
    return np.clip(factor, 1 / FURTHEST, FURTHEST)
