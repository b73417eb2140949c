"""What a forecast was made without, as an upload's report, its run and a list of findings tell of it."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from app.domain.columns import COLUMN, DATE, QUANTIDADE, QUANTITY, RULE, SKU, TABLE, VALUE
from app.domain.findings import OUT_OF_PATTERN
from app.domain.uploads import Table
from app.processing.validator.noticing import SCHEMA
from app.processing.validator.reporting import told

FORECAST: Final = "forecast"  # its place in an upload's report
MOST_SHOWN: Final = 20


def held_out_facts(held_out: pl.DataFrame) -> dict[str, Any]:
    """How many there are, and the largest of them as examples: sku, date, quantity.

    Args:
        held_out: sku, date, quantity; the largest first.
    """
    rows = held_out.head(MOST_SHOWN).select(SKU, DATE, QUANTITY).iter_rows()
    examples = [{SKU: sku, DATE: day.isoformat(), QUANTITY: quantity} for sku, day, quantity in rows]
    return {"count": held_out.height, "examples": examples}


def held_out_report(facts: Mapping[str, Any]) -> dict[str, object]:
    """The part of a report that tells of the forecast: its findings, like those of a table, here at most one.

    A forecaster knows sales by product and day, not by line of a file: that is what the examples give.
    """
    return {"findings": [told(OUT_OF_PATTERN, **facts)] if facts["count"] else []}


def held_out_findings(held_out: pl.DataFrame) -> pl.DataFrame:
    """All of them as rows of a list of findings."""
    words = pl.format(
        "{}: {} em {}", SKU, pl.col(QUANTITY).map_elements(lambda units: f"{units:.15g}", pl.String), _day()
    )
    known = {
        TABLE: pl.lit(Table.ITEMS.value),
        COLUMN: pl.lit(QUANTIDADE),
        VALUE: words,
        RULE: pl.lit(OUT_OF_PATTERN.code),
    }
    return held_out.select(known.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in SCHEMA.items())


def _day() -> pl.Expr:
    return pl.col(DATE).dt.strftime("%d/%m/%Y")
