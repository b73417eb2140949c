"""Prophet for every series at once beside a loop of stock Prophet: speed, scale and exactness on real series.

Speed: both sides on one core, interleaved; the stock library fits a sample of the series, ours all of them, with fit
and 90-day predict in both, and nothing kept from one round to the next. Scale: processes of their own, every core.
Exactness: the same objective, Stan's `lp__`, and the forecasts of Stan as it comes and of Stan at its best. Pipeline:
the demo, from an upload sent to forecasts served.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from accuracy_sets import RESTAURANT
from forecast_pipeline import pipeline_seconds
from forecast_series import SeriesSet, grocer, take_away
from forecast_stock import HORIZON, StockFit, quiet, stock_fit, tight_fit
from numpy.typing import NDArray

from app.ml.prophet_model import FittedProphets, Outcome, fit
from app.ml.prophet_model.features import prophet_features

Floats = NDArray[np.float64]

BENCH = "forecast-speed"
ROUNDS = 5
PARTS = ("speed", "scale", "exactness", "pipeline")
MOST_MB = 1000  # half of a small container: what the service beside it leaves
SERVED_WITHIN = 60  # seconds, of a year of the grocer


class Size(NamedTuple):
    """Series of the grocer and of the take-away that Stan fits: a tenth of a second each there, a second here."""

    timed: tuple[int, int]
    compared: tuple[int, int]
    tight: tuple[int, int]
    scales: tuple[int, ...]


FULL = Size(timed=(60, 20), compared=(1000, 100), tight=(100, 8), scales=(25_000, 50_000, 100_000))
QUICK = Size(timed=(10, 5), compared=(20, 5), tight=(5, 2), scales=(1_000, 2_000, 4_000))


class Figure(NamedTuple):
    """One number of ours, the other side's, and whether the goal holds."""

    name: str
    ours: float
    against: float | None
    ratio: float
    goal: float
    holds: bool

    def line(self) -> str:
        """As one line of JSON."""
        numbers = {key: value for key, value in zip(self._fields[1:5], self[1:5], strict=True) if value is not None}
        rounded = {key: float(f"{value:.4g}") for key, value in numbers.items()}
        return json.dumps({"bench": BENCH, "figure": self.name} | rounded | {"holds": bool(self.holds)})


def main() -> None:
    """Print the tables, then one JSON line a figure."""
    options = _options()
    size = QUICK if options.quick else FULL
    quiet()
    shop, kitchen = grocer(), take_away(options.restaurant)
    parts: dict[str, Callable[[], Iterator[Figure]]] = {
        "speed": lambda: chain(
            _speed([shop, shop.from_first_sale(), shop.some(2000).with_holes()], size.timed[0]),
            _speed([kitchen, kitchen.from_first_sale()], size.timed[1]),
        ),
        "scale": lambda: _scale(shop, size.scales),
        "exactness": lambda: _exactness([shop.some(size.compared[0]), kitchen.some(size.compared[1])], size.tight),
        "pipeline": _pipeline,
    }
    figures = [figure for name in options.parts for figure in parts[name]()]
    for figure in figures:
        print(figure.line())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--restaurant", type=Path, default=RESTAURANT, help="folder of the restaurant's three CSVs")
    parser.add_argument("--quick", action="store_true", help="small samples, to see that the bench works")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="all, unless some are named")
    return parser.parse_args()


def _speed(sets: list[SeriesSet], timed: int) -> Iterator[Figure]:
    print(f"\nfit and {HORIZON}-day predict, seconds a series, one core (median of {ROUNDS} rounds)")
    for series in sets:
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        try:
            ours, stock = _interleaved(series, timed)
        finally:
            os.sched_setaffinity(0, cores)
        every = float(np.median([_ours(series, threads=len(cores)) for _ in range(ROUNDS)]))
        print(f"  {len(series.history):,} x {series.name}")
        print(
            f"    ours {ours * 1e6:,.1f} µs, stock {stock * 1e3:,.1f} ms: {stock / ours:,.0f} times faster; "
            f"ours on {len(cores)} cores {every * 1e6:,.1f} µs"
        )
        yield Figure(f"seconds a series, one core: {series.name}", ours, stock, stock / ours, 300, stock / ours >= 300)
        name = f"seconds a series, {len(cores)} cores beside one: {series.name}"
        yield Figure(name, every, ours, ours / every, 1, ours >= every)


def _interleaved(series: SeriesSet, timed: int) -> tuple[float, float]:
    """Seconds a series of ours and of the stock library, by turns so that both meet the same machine."""
    places = np.unique(np.linspace(0, len(series.history) - 1, timed).astype(int))
    _ours(series, threads=1)
    stock_fit(series, 0)
    ours, stock = [], []
    for some in np.array_split(places, ROUNDS):
        ours.append(_ours(series, threads=1))
        stock.append(float(np.mean([stock_fit(series, int(i)).seconds for i in some])))
    return float(np.median(ours)), float(np.median(stock))


def _ours(series: SeriesSet, *, threads: int) -> float:
    prophet_features.cache_clear()
    begun = time.perf_counter()
    fit(series.history, start=series.start, spec=series.spec, threads=threads).predict(HORIZON)
    return (time.perf_counter() - begun) / len(series.history)


def _scale(series: SeriesSet, scales: tuple[int, ...]) -> Iterator[Figure]:
    print(f"\nmany series at once ({series.name}, repeated), every core, a process each, fastest of {ROUNDS}")
    print(f"{'series':>10} {'fit':>8} {'+ predict':>10} {'series/s':>10} {'table':>9} {'peak above it':>14}")
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "series.npy"
        np.save(table, series.history)
        for count in scales:
            runs.append(_child(table, series, count))
            run = runs[-1]
            above = run["peak_mb"] - run["before_mb"]
            speed = run["series"] / run["seconds"]
            print(
                f"{count:>10,} {run['fit']:>6.2f} s {run['seconds']:>8.2f} s {speed:>10,.0f} "
                f"{run['table_mb']:>6.0f} MB {above:>11.0f} MB"
            )
    first, last = runs[0], runs[-1]
    growth = (last["seconds"] / first["seconds"]) / (last["series"] / first["series"])
    yield Figure(
        f"seconds for {last['series']:,} series, every core", last["seconds"], None, growth, 1.25, growth <= 1.25
    )
    above = last["peak_mb"] - last["before_mb"]
    name = f"peak MB above what was there, {last['series']:,} series, beside their table"
    yield Figure(name, above, last["table_mb"], above / last["table_mb"], 1, above <= last["table_mb"])
    peak = last["peak_mb"]
    yield Figure(f"peak MB in all, {last['series']:,} series", peak, None, peak, MOST_MB, peak <= MOST_MB)


def _pipeline() -> Iterator[Figure]:
    seconds = pipeline_seconds()
    name = "seconds from upload sent to forecasts served, The Complete Journey"
    yield Figure(name, seconds, None, seconds, SERVED_WITHIN, seconds <= SERVED_WITHIN)


def _child(table: Path, series: SeriesSet, count: int) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__).with_name("forecast_scale.py"))]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    arguments = [str(table), series.start.isoformat(), str(count), str(ROUNDS)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True, env=environment)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _exactness(sets: list[SeriesSet], tight: tuple[int, ...]) -> Iterator[Figure]:
    print("\nexactness: our log posterior less Stan's, in nats; largest difference of forecasts over the largest sale")
    gaps, worst = [], []
    for series, n_tight in zip(sets, tight, strict=True):
        fitted = fit(series.history, start=series.start, spec=series.spec)
        known = np.flatnonzero(fitted.outcomes == Outcome.FITTED)
        worst.append(float(fitted.kkt_residual.max()))
        print(f"\n{len(known):,} of {len(fitted.outcomes):,} x {series.name}: largest KKT residual {worst[-1]:.1e}")
        stock = _each(stock_fit, series, known)
        gaps.append(_compare("Stan as it comes", fitted, known, stock)[0])
        some = known[np.unique(np.linspace(0, len(known) - 1, n_tight).astype(int))]
        _, apart = _compare("Stan at its best", fitted, some, _each(tight_fit, series, some))
        middle, most = float(np.median(apart)), float(apart.max())
        yield Figure(
            f"forecast apart from tight Stan, median: {series.name}", middle, None, middle, 1e-3, middle < 1e-3
        )
        yield Figure(f"forecast apart from tight Stan, largest: {series.name}", most, None, most, 1e-2, most < 1e-2)
    gap = np.concatenate(gaps)
    share = float((gap >= -1e-3).mean())
    yield Figure(
        f"share of {len(gap):,} series no worse than Stan by 1e-3 nats", share, None, share, 0.999, share >= 0.999
    )
    yield Figure("largest KKT residual", max(worst), None, max(worst), 1e-6, max(worst) < 1e-6)


def _each(
    fit_one: Callable[[SeriesSet, int], StockFit], series: SeriesSet, places: NDArray[np.int64]
) -> list[StockFit]:
    """Stan runs in processes of its own, so threads keep every core busy."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda place: fit_one(series, int(place)), places))


def _compare(
    name: str, fitted: FittedProphets, places: NDArray[np.int64], stock: list[StockFit]
) -> tuple[Floats, Floats]:
    """Print and return how far apart we are: posteriors in nats, forecasts over the series' scale."""
    gap = fitted.objective[places] - np.array([one.objective for one in stock])
    ours = fitted.predict(HORIZON)[places]
    apart = np.abs(ours - [one.forecast for one in stock]).max(axis=1) / fitted.frame.scale[places]
    print(
        f"  {name} ({len(places):,} series): ours is better on {(gap > 1e-3).sum():,}, alike within 1e-3 on "
        f"{(np.abs(gap) <= 1e-3).sum():,}, worse on {(gap < -1e-3).sum():,}\n"
        f"    posterior: least {gap.min():+.1e}, median {np.median(gap):+.1e}, most {gap.max():+.1e}; "
        f"forecasts apart: median {np.median(apart):.4%}, 90 % {np.quantile(apart, 0.9):.4%}, most {apart.max():.4%}"
    )
    return gap, apart


if __name__ == "__main__":
    main()
