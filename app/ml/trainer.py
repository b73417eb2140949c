"""From what was sold to a trained forecast: every model at every origin, then what their backtest teaches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.forecasts import DAYS_AHEAD, HORIZONS, Level
from app.ml.accuracy import accuracy_table
from app.ml.alike import alike_totals, cell_of, pace_of, paces, sale_sizes
from app.ml.boosted import boosted_totals
from app.ml.cores import cores
from app.ml.demand import Demand, screened
from app.ml.demand_classes import CLASSES, DemandClass, classified
from app.ml.evidence import STEP, Evidence, by_family, evidence_of, gathered, origins_of
from app.ml.fading import silence
from app.ml.history import History, history_of
from app.ml.learning import Learned, learn
from app.ml.levels import summed
from app.ml.openings import open_days_ahead, open_share_ahead
from app.ml.outlook import outlook, pace
from app.ml.paths import calibrated_days, weekday_shape
from app.ml.prophet_model import ProphetSpec, fit
from app.ml.ranges import Calibration, calibrated_on_folds
from app.ml.seasonal_models import as_seen, seasonal_paths
from app.ml.stockouts import suspected_stockouts
from app.ml.weekly_models import weekly_totals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[str, float], None]

MANY_FOLDS = 12  # a year of months: seasons and the luck of a month need a year to show
FEW_FOLDS = 6  # where series are so many that a year of folds takes long; 90-day totals of the newest two are not over
FEW_PRODUCTS = 20_000
FEW_CATEGORIES = 500  # beyond this many series there is evidence enough in fewer folds, and a year of them takes long
OWN_PROPHET = 30  # days with a sale from which a product is given a Prophet of its own
TOGETHER = 16384  # products whose history is laid out for Prophet at a time
RARE = CLASSES.index(DemandClass.RARE)
OF_SUMS = {
    "level": ("weekly_level", "ses", "seasonal_ses", "tsb"),
    "trend": ("weekly_damped",),
    "season": ("prophet_yearly", "prophet_yearly_calm", "prophet_dates", "last_year"),
}
SAMPLE = 3000  # products from which the ranges of days are learned, evenly spaced


@dataclass(frozen=True)
class TrainedLevel:
    """One level's series, what is known of them, and what was learned.

    Attributes:
        level: company, category or product.
        ids: one a series.
        evidence: of every series at every origin; the last origin is the end of the history.
        learned: weights, gate, ranges, backtest.
        shape: share of its units that each series sells on each of the days ahead, up to a factor, (series, days).
        day_ranges: quantiles of a day's sales over its forecast.
    """

    level: Level
    ids: list[str]
    evidence: Evidence
    learned: Learned
    shape: Floats
    day_ranges: Calibration


@dataclass(frozen=True)
class Trained:
    """All that a forecast needs."""

    demand: Demand
    history: History
    rows_left_out: int
    held_out: pl.DataFrame
    company: TrainedLevel
    categories: TrainedLevel
    products: TrainedLevel
    new_ranges: tuple[Calibration, ...]
    accuracy: pl.DataFrame


def train(demand: Demand, *, progress: Progress | None = None) -> Trained:
    """Backtest every model on every series, and learn weights, ranges and what not to trust from it.

    Args:
        demand: what was sold; rows that cannot be sales are left out and counted.
        progress: told a stage and the share of the work done, from 0 to 1.

    Raises:
        NothingToForecast: not one sale.
    """
    tell = progress or _silent
    clean, rows_left_out, held_out = screened(demand)
    history = history_of(clean)
    tell("categories", 0.05)
    company, categories = _aggregates(history, company=demand.company)
    tell("products", 0.3)
    products = _products(history, company=company, categories=categories)
    tell("accuracy", 0.95)
    levels = (company, categories, products)
    accuracy = pl.concat([accuracy_table(level.level, level.evidence, level.learned) for level in levels])
    tell("done", 1.0)
    new_ranges = _ranges_of_new(categories, products, history=history)
    return Trained(clean, history, rows_left_out, held_out, *levels, new_ranges=new_ranges, accuracy=accuracy)


def _silent(stage: str, share: float) -> None:
    """Nobody asked for progress."""


# --- the company and its categories -------------------------------------------------------------------------------


def _aggregates(history: History, *, company: str) -> tuple[TrainedLevel, TrainedLevel]:
    """Company and categories, learned together: one company is too little to learn weights from."""
    few = len(history.categories) <= FEW_CATEGORIES
    origins = origins_of(history.n_days, most=MANY_FOLDS if few else FEW_FOLDS)
    units = history.by_category()
    units = np.concatenate([units.sum(axis=1, keepdims=True), units], axis=1)
    light = evidence_of(units, history=history, open_ahead=open_days_ahead(history, origins=origins), origins=origins)
    said = [seasonal_paths(units, history=history, origin=int(origin)) for origin in origins]
    evidence = replace(light, totals=dict(light.totals) | _weekly_totals(units, history=history, origins=origins))
    evidence = replace(evidence, totals=dict(evidence.totals) | _seasonal_totals(said))
    shapes = [_seasonal_shape(paths, light=light, history=history, row=row) for row, paths in enumerate(said)]
    whole, parts = _series(evidence, slice(0, 1)), _series(evidence, slice(1, None))
    pools = np.zeros((len(origins), len(history.categories)), np.int64)
    families = families_of_sums(evidence)
    learned = learn(by_family(parts, families), pools=pools, n_pools=1, gate=False)
    of_company = learn(by_family(whole, families), pools=pools[:, :1], n_pools=1, gate=False, wider=learned)
    day_ranges = calibrated_days(learned.served, [shape[1:] for shape in shapes], units=units[:, 1:], origins=origins)
    return (
        TrainedLevel(Level.COMPANY, [company], whole, of_company, shapes[-1][:1], day_ranges),
        TrainedLevel(Level.CATEGORY, history.categories, parts, learned, shapes[-1][1:], day_ranges),
    )


def families_of_sums(evidence: Evidence) -> dict[str, tuple[str, ...]]:
    """The models that speak for sums over many products, by how they think; each family is weighed as one.

    Weights for single models were chance: on the histories of eight shops and services the plain averages of few
    families, with their weights drawn towards equal ones, did better (docs/decisions/0009).
    """
    known = {family: tuple(name for name in models if name in evidence.totals) for family, models in OF_SUMS.items()}
    return {family: models for family, models in known.items() if models}


def _weekly_totals(units: Floats, *, history: History, origins: Ints) -> dict[str, Floats]:
    """Totals by model, (origins, horizons, series)."""
    rows = [weekly_totals(units, history=history, origin=int(origin)) for origin in origins]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _seasonal_totals(said: list[dict[str, Floats]]) -> dict[str, Floats]:
    """Totals by model, for the models that can speak at the end of the history.

    At an early origin where such a model has too little behind it, it abstains: NaN.
    """
    totals = {}
    for name, last in said[-1].items():
        nothing = np.full((len(HORIZONS), len(last)), np.nan)
        totals[name] = np.stack([_totals(paths[name]) if name in paths else nothing for paths in said])
    return totals


def _totals(path: Floats) -> Floats:
    """Sums of a daily path over the horizons, (horizons, series)."""
    return np.stack([path[:, :days].sum(axis=1) for days in HORIZONS])


def _seasonal_shape(paths: dict[str, Floats], *, light: Evidence, history: History, row: int) -> Floats:
    """Mean of the models' daily paths and of the weekday profile, each at the same total, (series, days)."""
    profile = weekday_shape(light.weekdays[row], history=history, origin=int(light.origins[row]))
    shapes = [profile / np.maximum(profile.sum(axis=1, keepdims=True), 1e-12)]
    shapes += [path / np.maximum(path.sum(axis=1, keepdims=True), 1e-12) for path in paths.values()]
    return np.asarray(np.mean(shapes, axis=0))


def _series(evidence: Evidence, series: slice) -> Evidence:
    """Evidence of some of the series."""
    return Evidence(
        origins=evidence.origins,
        totals={name: said[..., series] for name, said in evidence.totals.items()},
        weekdays=evidence.weekdays[..., series],
        sold=evidence.sold[..., series],
        facts={name: fact[..., series] for name, fact in evidence.facts.items()},
        scale=evidence.scale[..., series],
    )


# --- products -----------------------------------------------------------------------------------------------------


def _products(history: History, *, company: TrainedLevel, categories: TrainedLevel) -> TrainedLevel:
    origins = origins_of(history.n_days, most=_product_folds(history))
    ahead = open_days_ahead(history, origins=origins)
    blocks = (
        evidence_of(history.dense(block), history=history, open_ahead=ahead, origins=origins)
        for block in history.blocks()
    )
    light = gathered(blocks)
    kinds = classified(light.facts)
    totals = dict(light.totals) | _borrowed(light, history=history, company=company, categories=categories)
    totals["alike"] = _alike(light, kinds=kinds, history=history)
    totals["prophet"] = _own_prophets(light, history=history)
    totals["boosted"] = boosted_totals(replace(light, totals=totals), threads=cores())
    evidence = replace(light, totals=totals)
    silent = np.where(kinds == RARE, 0, silence(light.facts))  # rare products are told by those once alike
    learned = learn(evidence, pools=kinds, n_pools=len(CLASSES), gate=True, silent=silent)
    some = np.unique(np.linspace(0, len(history.skus) - 1, SAMPLE).astype(np.int64))
    shapes = [
        weekday_shape(light.weekdays[row][:, some], history=history, origin=int(origin))
        for row, origin in enumerate(origins)
    ]
    day_ranges = calibrated_days(
        learned.served[..., some], shapes, units=history.dense_of(some, days=history.n_days), origins=origins
    )
    shape = weekday_shape(light.weekdays[-1], history=history, origin=history.n_days)
    return TrainedLevel(Level.PRODUCT, history.skus, evidence, learned, shape, day_ranges)


def _product_folds(history: History) -> int:
    """Never more than the categories have, whose outlook products lean on."""
    few = len(history.skus) <= FEW_PRODUCTS and len(history.categories) <= FEW_CATEGORIES
    return MANY_FOLDS if few else FEW_FOLDS


def _ranges_of_new(categories: TrainedLevel, products: TrainedLevel, *, history: History) -> tuple[Calibration, ...]:
    """By horizon, quantiles of what products not yet sold came to sell, over what their category left for them."""
    folds = slice(-len(products.evidence.origins), None)
    known = products.evidence.facts["sales"] > 0
    left = [
        np.maximum(whole - summed(parts.T, by=history.category_of, groups=len(history.categories)).T, 0)
        for whole, parts in zip(categories.learned.served[folds], products.learned.served, strict=True)
    ]
    sold = [
        whole - summed((parts * seen).T, by=history.category_of, groups=len(history.categories)).T
        for whole, parts, seen in zip(categories.evidence.sold[folds], products.evidence.sold, known, strict=True)
    ]
    return tuple(
        calibrated_on_folds(said, truth, rows=np.isfinite(truth), overlap=days / STEP)
        for said, truth, days in zip(np.stack(left, axis=1), np.stack(sold, axis=1), HORIZONS, strict=True)
    )


def _borrowed(
    light: Evidence, *, history: History, company: TrainedLevel, categories: TrainedLevel
) -> dict[str, Floats]:
    """Each product's own pace times the outlook of the company, and of its category."""
    own, folds = pace(light), slice(-len(light.origins), None)
    of_company = outlook(company.learned.served, evidence=company.evidence)[folds]
    of_category = outlook(categories.learned.served, evidence=categories.evidence)[folds]
    return {
        "company_outlook": own * of_company,
        "category_outlook": own * of_category[..., history.category_of],
    }


def _alike(light: Evidence, *, kinds: Ints, history: History) -> Floats:
    """What rare products sold that were once alike; other products' own pace."""
    cells = np.where(kinds == RARE, cell_of(light.facts), -1)
    sizes = sale_sizes(light.facts, category_of=history.category_of)
    folds = paces(cells, sizes, light.sold, category_of=history.category_of)
    own = pace(light)
    for row in range(len(light.origins)):
        rare = cells[row] >= 0
        others = [fold for number, fold in enumerate(folds) if number != row] or folds
        said = alike_totals(pace_of(others), cell=cells[row], size=sizes[row], category_of=history.category_of)
        own[row][:, rare] = said[:, rare]
    return own


def _own_prophets(light: Evidence, *, history: History) -> Floats:
    """A Prophet for every product that has sold often enough; the others' own pace."""
    totals = pace(light)
    for row, origin in enumerate(light.origins):
        chosen = np.flatnonzero(light.facts["sales"][row] >= OWN_PROPHET)
        opened = open_share_ahead(history, origin=int(origin))
        for some in _runs(chosen):
            units = history.dense_of(some, days=origin)
            seen = as_seen(units, history=history)
            if origin == history.n_days:
                seen[suspected_stockouts(units, open_days=history.open_days).resumed.T] = np.nan
            path = fit(seen, start=history.first, spec=ProphetSpec(weekly=True)).predict(DAYS_AHEAD, floor=0.0)
            totals[row][:, some] = _totals(path * opened)
    return totals


def _runs(chosen: Ints) -> Iterator[Ints]:
    for start in range(0, len(chosen), TOGETHER):
        yield chosen[start : start + TOGETHER]
