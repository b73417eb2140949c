"""A correction of the models' plain average, learned by trees from all products together.

Where smoothing says more than Prophet, where a product of three sales has been silent for a month, where a category
goes up: by what factor was the average wrong in such cases? The trees learn the factor and not the units, for those
they could not continue beyond what they have seen.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from app.domain.forecasts import HORIZONS
from app.ml.evidence import Evidence, equal_average
from app.ml.trees import Bins, Growth, binned, cuts_of, grown, said

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST = 0.05  # units that are added to what is said, so that nothing sold yet can be a ratio
ROWS = 60_000  # from which the trees learn, evenly spaced: more change little
ROWS_FOR_CUTS = 100_000
LARGE = 0.99  # quantile of size from which a row weighs no more
GROWTH = Growth()
EVERY = slice(None)


def boosted_totals(evidence: Evidence, *, threads: int) -> Floats:
    """Totals by trees that correct the plain average, (origins, horizons, series).

    Each origin is told by trees grown on outcomes that share no day with its own; by the average alone where there is
    no such outcome.
    """
    average = equal_average(evidence) + LEAST
    bins = _bins(evidence, average=average, threads=threads)
    flat = bins.reshape(-1, bins.shape[-1])
    ratio = (np.maximum(evidence.sold, 0) / average).ravel()
    weight = np.minimum(average, np.quantile(average, LARGE)).ravel()
    weight /= weight.mean()

    def corrected(origin: int) -> Floats:
        rows = _rows_apart(evidence, origin=origin)
        if len(rows) == 0:
            return np.asarray(average[origin] - LEAST)
        trees = grown(flat[rows], ratio[rows], weight[rows], GROWTH)
        factor = said(bins[origin].reshape(-1, bins.shape[-1]), trees).reshape(average[origin].shape)
        return np.asarray(np.maximum(average[origin] * factor - LEAST, 0))

    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(corrected, range(len(evidence.origins)))))


def _rows_apart(evidence: Evidence, *, origin: int) -> Ints:
    """Places, in the flat (origins, horizons, series), of known outcomes that share no day with this origin's."""
    _, horizons, series = evidence.sold.shape
    places = [np.zeros(0, np.int64)]
    for other, later in enumerate(evidence.origins - evidence.origins[origin]):
        for column, days in enumerate(HORIZONS):
            if later >= max(HORIZONS) or later <= -days:
                known = np.isfinite(evidence.sold[other, column]) & (evidence.facts["sales"][other] > 0)
                places.append((other * horizons + column) * series + np.flatnonzero(known))
    every = np.concatenate(places)
    return every[np.linspace(0, max(len(every) - 1, 0), min(len(every), ROWS)).astype(np.int64)]


def _bins(evidence: Evidence, *, average: Floats, threads: int) -> Bins:
    """Binned columns of every origin, horizon and series, (origins, horizons, series, columns)."""
    cases = list(np.ndindex(average.shape[:2]))
    step = max(1, len(cases) * average.shape[-1] // ROWS_FOR_CUTS)
    few = [_columns(evidence, average=average, case=case, some=slice(None, None, step)) for case in cases]
    cuts = cuts_of(np.concatenate(few))
    bins = np.empty((*average.shape, len(cuts)), np.uint8)

    def fill(case: tuple[int, int]) -> None:
        bins[case] = binned(_columns(evidence, average=average, case=case), cuts)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, cases))
    return bins


def _columns(evidence: Evidence, *, average: Floats, case: tuple[int, int], some: slice = EVERY) -> Floats:
    """What the trees may look at, (series, columns): each model against the average, and the product's facts.

    Args:
        evidence: of all products.
        average: the models' plain average, (origins, horizons, series).
        case: an origin and a horizon.
        some: which of the series.
    """
    origin, column = case
    facts = {name: fact[origin, some] for name, fact in evidence.facts.items()}
    mean, sales = average[origin, column, some], np.maximum(facts["sales"], 1)
    models = [(evidence.totals[name][origin, column, some] + LEAST) / mean for name in evidence.models]
    return np.stack(
        [
            *models,
            mean / HORIZONS[column],
            facts["age"],
            facts["sales"],
            facts["since"],
            facts["units"] / sales,
            facts["sales"] / np.maximum(facts["age"], 1),
            facts["squares"] * sales / np.maximum(facts["units"], 1) ** 2,
            np.full(len(sales), float(HORIZONS[column])),
        ],
        axis=1,
    )
