"""Which model serves each series and why, how far to trust it, and what was noticed on the way: one row a series."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.columns import ID, LEVEL, MODEL
from app.domain.forecasts import Level
from app.domain.text import Text
from app.ml.demand_classes import CLASSES, DemandClass
from app.ml.fading import SALES_MISSED
from app.ml.learning import PLAIN
from app.ml.trainer import Trained, TrainedLevel

Floats = NDArray[np.float64]
Words = list[Text]

LITTLE_HISTORY = 28  # days
FEW_SALES = 4  # days with a sale
STOPPED = 120  # days without a sale
MISSED = SALES_MISSED[-1]  # or sales missed at its usual frequency
GRADES = ((0.25, "A"), (0.5, "B"))  # half the 80 % range of the next 30 days, over the forecast, up to which

LITTLE = Text("só {days} dias de história", "only {days} days of history")
ONCE = Text("vendeu em um só dia até hoje", "sold on a single day so far")
FEW = Text("vendeu em só {sales} dias até hoje", "sold on only {sales} days so far")
SILENT = Text("sem vendas há {since} dias", "no sale for {since} days")
CLOSE = Text(
    "a faixa provável é estreita: {share} % para mais ou para menos", "the range is narrow: {share} % either way"
)
FAIR = Text("a faixa provável é de {share} % para mais ou para menos", "the range is {share} % either way")
WIDE = Text("vende de forma irregular: {share} % para mais ou para menos", "sells unevenly: {share} % either way")
GATED = Text(
    "servido pela média de 56 dias, que errou menos nos testes em produtos como este",
    "served by its 56-day mean, which did better in the backtest on products like it",
)
MISSING = Text(
    "{days} dias sem venda parecem falta de estoque e ficaram fora do cálculo",
    "{days} days without a sale look like a stock-out and were left out",
)
EMPTY = Text(
    "parou de vender há {days} dias: pode ser falta de estoque", "stopped selling {days} days ago: maybe out of stock"
)
SPIKE = Text(
    "a venda de {sold} un. em {day} foge do padrão e foi limitada a {kept}",
    "the sale of {sold} units on {day} is out of pattern and was limited to {kept}",
)
HELD_OUT = Text(
    "a venda de {sold} un. em {day} foge do padrão da loja e ficou fora da previsão",
    "the sale of {sold} units on {day} is out of the shop's pattern and was left out of the forecast",
)
HELD_OUT_SHOWN = 3  # a product
NO_BACKTEST = Text(
    "pouco histórico para testar a previsão no passado", "too little history to test the forecast on the past"
)
NEW_ONES = Text(
    "o que a categoria deve vender além dos produtos de hoje", "what the category should sell beyond today's products"
)


class Graded(NamedTuple):
    """A grade from A (best) to D, and why."""

    grade: str
    reason: Text


def series_table(trained: Trained, *, ranges: dict[Level, Floats], explained: dict[Level, Words]) -> pl.DataFrame:
    """One row a series of every level.

    Args:
        trained: what was learned.
        ranges: mean, p10, p90 of the next 30 days of each series, (3, series), by level.
        explained: a sentence on what moves its sales, one a series, by level.
    """
    levels = (trained.company, trained.categories, trained.products)
    tables = [_table(trained, level, ranges[level.level], explained[level.level]) for level in levels]
    return pl.concat([*tables, _new_products(trained)])


def _table(trained: Trained, level: TrainedLevel, ranges: Floats, explained: Words) -> pl.DataFrame:
    facts = {name: fact[-1] for name, fact in level.evidence.facts.items()}
    pools = level.learned.pools[-1]
    notes = _notes(trained, level, facts)
    graded = [_grade(facts, ranges, series) for series in range(len(level.ids))]
    reasons = [_joined([one.reason, *notes.get(series, [])]) for series, one in enumerate(graded)]
    models = _models(level)
    is_product = level.level is Level.PRODUCT
    return pl.DataFrame(
        {
            LEVEL: [level.level.value] * len(level.ids),
            ID: level.ids,
            MODEL: [models[pool] for pool in pools],
            "demand_class": [CLASSES[pool].value if is_product else "sum" for pool in pools],
            "grade": [one.grade for one in graded],
            "reason": [reason.pt for reason in reasons],
            "reason_en": [reason.en for reason in reasons],
            "explanation": [sentence.pt for sentence in explained],
            "explanation_en": [sentence.en for sentence in explained],
            "sale_days": facts["sales"].astype(np.int32),
            "stockout_days": facts["stockout_days"].astype(np.int32),
            "empty_days": facts["empty_days"].astype(np.int32),
        }
    )


def _models(level: TrainedLevel) -> list[str]:
    """By pool, the model's name, with the three members that weigh most."""
    return [
        PLAIN if gated else f"ensemble: {_heaviest(level.learned.models, weights)}"
        for weights, gated in zip(level.learned.weights, level.learned.gated, strict=True)
    ]


def _heaviest(models: tuple[str, ...], weights: Floats) -> str:
    order = np.argsort(-weights, kind="stable")[:3]
    return ", ".join(f"{models[one]} {weights[one]:.0%}" for one in order)


def _grade(facts: dict[str, Floats], ranges: Floats, series: int) -> Graded:
    days = int(facts["age"][series]) + 1
    sales, since = int(facts["sales"][series]), int(facts["since"][series])
    if days < LITTLE_HISTORY:
        return Graded("D", LITTLE.format(days=days) if days > 1 else ONCE)
    if sales < FEW_SALES:
        return Graded("D", FEW.format(sales=sales) if sales > 1 else ONCE)
    if since >= STOPPED or since * min(sales / days, 1) >= MISSED:
        return Graded("D", SILENT.format(since=since))
    mean, low, high = ranges[:, series]
    share = (high - low) / 2 / mean if mean > 0 else np.inf
    percent = f"{min(100 * share, 999):.0f}"
    for most, grade in GRADES:
        if share <= most:
            return Graded(grade, (CLOSE if grade == "A" else FAIR).format(share=percent))
    return Graded("C", WIDE.format(share=percent))


def _notes(trained: Trained, level: TrainedLevel, facts: dict[str, Floats]) -> dict[int, Words]:
    """What else to say about some of the series."""
    notes: dict[int, Words] = {}
    for series, note in _noticed(trained, level, facts):
        notes.setdefault(series, []).append(note)
    return notes


def _noticed(trained: Trained, level: TrainedLevel, facts: dict[str, Floats]) -> Iterator[tuple[int, Text]]:
    if len(level.evidence.origins) == 1:
        yield from ((series, NO_BACKTEST) for series in range(len(level.ids)))
    if level.level is not Level.PRODUCT:
        return
    gated = level.learned.gated[level.learned.pools[-1]]
    yield from ((int(series), GATED) for series in np.flatnonzero(gated))
    for series in np.flatnonzero(facts["stockout_days"]):
        yield int(series), MISSING.format(days=int(facts["stockout_days"][series]))
    for series in np.flatnonzero(facts["empty_days"]):
        yield int(series), EMPTY.format(days=int(facts["empty_days"][series]))
    for series, day, sold, kept in trained.history.spikes.iter_rows():
        yield series, SPIKE.format(sold=f"{sold:g}", day=f"{day:%d/%m/%Y}", kept=f"{kept:g}")


def with_held_out(series: pl.DataFrame, held_out: pl.DataFrame) -> pl.DataFrame:
    """The same rows; the reasons of products with sales that were held out say so.

    Args:
        series: one row a series.
        held_out: sku, date, quantity.
    """
    if held_out.is_empty():
        return series
    notes = _held_out_notes(held_out)
    unsold = pl.col("demand_class") == DemandClass.UNSOLD.value  # its other reason is that it never sold
    told = [
        pl.when(pl.col(note).is_null())
        .then(reason)
        .when(unsold)
        .then(note)
        .otherwise(pl.concat_str(reason, note, separator="; "))
        .alias(reason)
        for reason, note in (("reason", "note"), ("reason_en", "note_en"))
    ]
    return (
        series.join(notes, on=[LEVEL, ID], how="left", maintain_order="left").with_columns(told).drop("note", "note_en")
    )


def _held_out_notes(held_out: pl.DataFrame) -> pl.DataFrame:
    """level, id, note, note_en; one row a product."""
    notes: dict[str, Words] = {}
    for sku, day, sold in held_out.iter_rows():
        notes.setdefault(sku, []).append(HELD_OUT.format(sold=f"{sold:.15g}", day=f"{day:%d/%m/%Y}"))
    rows = [(Level.PRODUCT.value, sku, *_joined(said[:HELD_OUT_SHOWN])) for sku, said in notes.items()]
    return pl.DataFrame(rows, schema=[LEVEL, ID, "note", "note_en"], orient="row")


def _joined(parts: Words) -> Text:
    return Text("; ".join(part.pt for part in parts), "; ".join(part.en for part in parts))


def _new_products(trained: Trained) -> pl.DataFrame:
    categories = trained.history.categories
    row = {
        MODEL: "remainder",
        "demand_class": DemandClass.UNSOLD.value,
        "grade": "D",
        "reason": NEW_ONES.pt,
        "reason_en": NEW_ONES.en,
        "explanation": "",
        "explanation_en": "",
    }
    counts = [pl.lit(0, pl.Int32).alias(name) for name in ("sale_days", "stockout_days", "empty_days")]
    named = pl.DataFrame({LEVEL: [Level.NEW_PRODUCTS.value] * len(categories), ID: categories})
    return named.with_columns(*[pl.lit(word).alias(name) for name, word in row.items()], *counts)
