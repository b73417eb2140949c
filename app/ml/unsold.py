"""Products of the catalogue that have not sold yet: what can be said of them, and what their category gives them.

Such a product has no history. What is known is how others fared that stood there as it does now: of the products
without a sale by an origin, what each sold in the days after it, today's unsold ones among them with their zeros.

        origin
  . . . . | . 2 1      one of three sold, three units: a unit each
  . . . . | . . .      and these two have still not sold
  . . . . | . . .

What they are given comes out of their category's "new products", a whole number each and the same for all, for nothing
tells one from another. Nothing is laid out by day for them: a catalogue may list ten times what sells.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import CATEGORIA, ID, LEVEL, MODEL, PRECO_VENDA, QUANTITY, SKU
from app.domain.forecasts import HORIZONS, QUANTILES, Level
from app.domain.text import Text
from app.ml.demand import LONGEST_HISTORY, Demand
from app.ml.demand_classes import DemandClass
from app.ml.history import History
from app.ml.ranges import conformal_quantiles
from app.ml.trainer import Trained, TrainedLevel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEWEST = 3  # folds: the longer a product stands unsold, the less it sells, so old folds promise too much
TOO_EARLY = Text(
    "ainda não vendeu, e a história ainda não mostra quanto vende um produto que começa",
    "has not sold yet, and the history does not show yet what a product sells that begins",
)
ALONE = Text("ainda não vendeu, nem outro produto da categoria", "has not sold yet, nor has any other of its category")
LONG_AGO = Text(
    f"não vende há mais de {LONGEST_HISTORY // 365} anos", f"no sale for more than {LONGEST_HISTORY // 365} years"
)
LIKE_CATEGORY = Text(
    "ainda não vendeu; de cada mil produtos da categoria nessa situação, {began} venderam nos 30 dias seguintes",
    "has not sold yet; of a thousand products of the category in its place, {began} sold in the next 30 days",
)
LIKE_COMPANY = Text(
    "ainda não vendeu; de cada mil produtos da empresa nessa situação, {began} venderam nos 30 dias seguintes",
    "has not sold yet; of a thousand products of the company in its place, {began} sold in the next 30 days",
)

ENOUGH = 9  # cases, under which there is no tenth of them: rank q (n + 1) of q = 0.1


@dataclass(frozen=True)
class Unsold:
    """The catalogue's products without a sale in the history, in the order of their sku.

    Attributes:
        skus: one a product.
        category_of: index into the history's categories; -1 where nothing of the category has sold.
        price: listed, BRL a unit; NaN where none is.
        forgotten: sold before the history begins, and not since.
    """

    skus: list[str]
    category_of: Ints
    price: Floats
    forgotten: Flags


class Beginnings(NamedTuple):
    """What products without a sale came to sell, by category.

    Attributes:
        mean: units of the next 30, 60, 90 days, (categories, horizons); NaN where too little is known.
        ranges: p10, p50, p90 of them, (quantiles, categories, horizons); NaN likewise.
        began: share that sold within the first horizon, one a category.
        own: told by the category's own products rather than by all of the company's, one a category.
    """

    mean: Floats
    ranges: Floats
    began: Floats
    own: Flags

    @property
    def known(self) -> Flags:
        """Whether anything can be said, one a category."""
        return np.asarray(np.isfinite(self.mean).all(axis=1))


@dataclass(frozen=True)
class ColdStart:
    """A catalogue's unsold products, and those among them of which something can be said.

    Attributes:
        unsold: all of them.
        begun: what is known, by category.
        told: places in `unsold` of those of which something can be said.
    """

    unsold: Unsold
    begun: Beginnings
    told: Ints

    @property
    def skus(self) -> list[str]:
        """Of those of which something can be said; so are the other lists."""
        return [self.unsold.skus[place] for place in self.told]

    @property
    def category_of(self) -> Ints:
        """Index into the history's categories, one a product."""
        return self.unsold.category_of[self.told]

    @property
    def members(self) -> Ints:
        """How many there are, one a category."""
        return np.bincount(self.category_of, minlength=len(self.begun.mean)).astype(np.int64)

    @property
    def ranges(self) -> Floats:
        """p10, p50, p90 of what such a product sells, (quantiles, products, horizons)."""
        return self.begun.ranges[:, self.category_of]

    def handed(self, new: Floats) -> Floats:
        """Units for one product of each category out of its new products', both (categories, horizons)."""
        return handed_to_unsold(new, self.begun.mean, members=self.members)

    def revenue(self, each: Floats, *, prices: Floats) -> Floats:
        """BRL, (products, horizons), at the listed price, else at the category's."""
        listed = self.unsold.price[self.told]
        price = np.where(np.isfinite(listed), listed, prices[self.category_of])
        return np.asarray(each[self.category_of] * price[:, None])


def cold_start(trained: Trained) -> ColdStart:
    """What can be said of a catalogue's unsold products."""
    unsold = unsold_of(trained.demand, trained.history)
    begun = beginnings(unsold, trained.products, history=trained.history)
    known = np.append(begun.known, False)
    told = np.flatnonzero(known[unsold.category_of] & ~unsold.forgotten)
    return ColdStart(unsold, begun, told)


def unsold_of(demand: Demand, history: History) -> Unsold:
    """What a screened demand lists and its history has no sale of."""
    left = demand.products.join(pl.DataFrame({SKU: pl.Series(history.skus, dtype=pl.String)}), on=SKU, how="anti")
    left = left.sort(SKU)
    places = pl.DataFrame({CATEGORIA: history.categories}, schema={CATEGORIA: pl.String}).with_row_index("place")
    category = left.join(places, on=CATEGORIA, how="left", maintain_order="left")["place"].cast(pl.Int64).fill_null(-1)
    ever = demand.daily.filter(pl.col(QUANTITY) > 0)[SKU].unique()
    return Unsold(
        skus=left[SKU].to_list(),
        category_of=category.to_numpy(),
        price=left[PRECO_VENDA].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        forgotten=left[SKU].is_in(ever.implode()).to_numpy(),
    )


def beginnings(unsold: Unsold, products: TrainedLevel, *, history: History) -> Beginnings:
    """Learn from the newest folds; a category with too few cases is told by all the company's."""
    groups = len(history.categories)
    still = unsold.category_of[~unsold.forgotten]
    horizons = [_cases(column, still, products=products, history=history) for column in range(len(HORIZONS))]
    table = np.full((groups, 1 + len(QUANTILES), len(horizons)), np.nan)
    began, own = np.zeros(groups), np.zeros(groups, dtype=bool)
    everywhere = _told([np.concatenate(cases) for cases in horizons])
    for group in np.unique(still[still >= 0]):
        mine = _told([cases[group] for cases in horizons])
        own[group] = mine is not None
        told = mine or everywhere
        if told is not None:
            table[group], began[group] = told
    return Beginnings(table[:, 0], np.moveaxis(table[:, 1:], 1, 0), began, own)


def _told(cases: list[Floats]) -> tuple[Floats, float] | None:
    """Mean and quantiles by horizon, (1 + quantiles, horizons), and the share that sold in the first."""
    if min(map(len, cases)) < ENOUGH:
        return None
    return np.array([[one.mean(), *conformal_quantiles(one)] for one in cases]).T, float((cases[0] > 0).mean())


def _cases(column: int, still: Ints, *, products: TrainedLevel, history: History) -> list[Floats]:
    """Units that each product without a sale sold up to a horizon: by category, and last where nothing ever sold."""
    evidence, groups = products.evidence, len(history.categories)
    folds = np.flatnonzero(np.isfinite(evidence.sold[:, column]).all(axis=1))[-NEWEST:]
    waiting = evidence.facts["sales"][folds] == 0
    units = evidence.sold[folds, column][waiting]
    of_units = np.broadcast_to(history.category_of, waiting.shape)[waiting]
    zeros = np.tile(np.where(still < 0, groups, still), len(folds))
    units, place = np.concatenate([units, np.zeros(len(zeros))]), np.concatenate([of_units, zeros])
    order = np.argsort(place, kind="stable")
    return np.split(units[order], np.searchsorted(place[order], np.arange(1, groups + 1)))


def handed_to_unsold(new: Floats, wanted: Floats, *, members: Ints) -> Floats:
    """Whole units for each unsold product of a category, (categories, horizons), never falling.

    Args:
        new: what the category expects beyond the products that sell, (categories, horizons), never falling.
        wanted: units a product, same shape; NaN asks for nothing.
        members: unsold products, one a category.
    """
    given = np.zeros_like(new)
    before, had = np.zeros(len(new)), np.zeros(len(new))
    for column in range(new.shape[1]):
        room = np.floor((new[:, column] - had) / np.maximum(members, 1) + 1e-9)
        step = np.minimum(np.rint(np.nan_to_num(wanted[:, column])) - before, room)
        before = before + np.maximum(step, 0) * (members > 0)
        given[:, column], had = before, new[:, column]
    return given


def unsold_rows(start: ColdStart) -> pl.DataFrame:
    """One row of the series table for each unsold product: grade D, and why."""
    unsold, begun = start.unsold, start.begun
    by_category = _served_as(begun)
    served = [*by_category, ("none", ALONE), ("none", LONG_AGO)]
    alone, long_ago = len(by_category), len(by_category) + 1
    place = np.where(unsold.category_of < 0, alone, unsold.category_of)
    place = np.where(unsold.forgotten, long_ago, place)
    texts = {
        MODEL: [model for model, _ in served],
        "reason": [reason.pt for _, reason in served],
        "reason_en": [reason.en for _, reason in served],
    }
    said = pl.DataFrame(texts)[place] if len(place) else pl.DataFrame(texts).clear()
    named = pl.DataFrame({ID: unsold.skus}, schema={ID: pl.String})
    counts = [pl.lit(0, pl.Int32).alias(name) for name in ("sale_days", "stockout_days", "empty_days")]
    return pl.concat([named, said], how="horizontal").select(
        *(pl.lit(Level.PRODUCT.value).alias(LEVEL), ID, MODEL),
        *(pl.lit(DemandClass.UNSOLD.value).alias("demand_class"), pl.lit("D").alias("grade"), "reason", "reason_en"),
        *(pl.lit("").alias(name) for name in ("explanation", "explanation_en")),
        *counts,
    )


def _served_as(begun: Beginnings) -> list[tuple[str, Text]]:
    """Model and reason by category."""
    return [
        _said(own=bool(own), began=began) if known else ("none", TOO_EARLY)
        for known, own, began in zip(begun.known, begun.own, begun.began, strict=True)
    ]


def _said(*, own: bool, began: float) -> tuple[str, Text]:
    model, reason = ("category", LIKE_CATEGORY) if own else ("company", LIKE_COMPANY)
    return f"cold start: {model}", reason.format(began=f"{1000 * began:.0f}")
