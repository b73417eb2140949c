"""An upload merged with what is published of its company: the months and the catalogue that it changes are written."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple, Protocol

import polars as pl

from app.pipeline.products import merged_products, seen_in
from app.pipeline.publishing import ALL_MONTHS, Publication
from app.processing.cleaner.merging import NO_LINES, Merged, merge
from app.processing.cleaner.preparing import MONTHS_AT_ONCE, Prepared
from app.processing.cleaner.redated import Arrived, redated, without
from app.processing.feature_engineering import daily_demand

ITEMS: Final = "itens"
FEATURES: Final = "features"
PRODUCTS: Final = "produtos"


class Shelf(Protocol):
    """Where the frames of one company are kept, by keys; what is written gets a new one."""

    def read(self, key: str) -> pl.DataFrame:
        """A frame."""

    def scan(self, key: str) -> pl.LazyFrame:
        """A frame of which only what is asked for is read."""

    def write(self, frame: pl.DataFrame, *, kind: str, month: str) -> Publication:
        """A new object, to which nothing points yet."""


class Counts(NamedTuple):
    """What became of lines: of the upload's, those added, changed, and there before; `moved` left their month."""

    added: int
    changed: int
    already_there: int
    moved: int


class Changes(NamedTuple):
    """What an upload changes, in a month or in all: the objects that become current, and what became of the lines."""

    publications: list[Publication]
    lines: Counts


def write_changes(shelf: Shelf, prepared: Prepared, *, months: Mapping[str, str], catalogue: str | None) -> Changes:
    """Writes every month and the catalogue that the upload changes.

    Args:
        shelf: of the company.
        prepared: the upload.
        months: the key of the lines of each published month.
        catalogue: the key of the published products.
    """
    with ThreadPoolExecutor(1) as aside:  # the catalogue belongs to no month, and is merged meanwhile
        products = aside.submit(_write_products, shelf, prepared, catalogue)
        written = _write_months(shelf, prepared, published=months)
        publications = [p for month in written for p in month.publications] + products.result()
    return Changes(publications, Counts(*(sum(of_month) for of_month in zip(*_counts(written), strict=True))))


def _counts(written: Sequence[Changes]) -> list[Counts]:
    return [Counts(0, 0, 0, 0), *(month.lines for month in written)]


def _write_months(shelf: Shelf, prepared: Prepared, *, published: Mapping[str, str]) -> list[Changes]:
    arrived = {f"{year:04}-{month:02}": (year, month) for year, month in prepared.months}
    moved = redated(
        {month: shelf.scan(key) for month, key in published.items()},
        {
            month: Arrived(partial(prepared.sale_numbers, key), partial(prepared.lines, key))
            for month, key in arrived.items()
        },
    )

    def write(month: str) -> Changes:
        before = shelf.read(published[month]) if month in published else NO_LINES
        stayed = without(before, moved.get(month))
        merged = merge(stayed, prepared.lines(arrived[month]) if month in arrived else NO_LINES)
        return _write_month(shelf, month, merged, moved=before.height - stayed.height)

    with ThreadPoolExecutor(MONTHS_AT_ONCE) as pool:
        return list(pool.map(write, sorted({*arrived, *moved})))


def _write_month(shelf: Shelf, month: str, merged: Merged, *, moved: int) -> Changes:
    counts = Counts(merged.added, merged.changed, merged.already_there, moved)
    if not (merged.added or merged.changed or moved):
        return Changes([], counts)
    with ThreadPoolExecutor(1) as aside:  # so that an upload of a single month, too, has work for two cores
        items = aside.submit(shelf.write, merged.lines, kind=ITEMS, month=month)
        features = shelf.write(daily_demand(merged.lines), kind=FEATURES, month=month)
        return Changes([items.result(), features], counts)


def _write_products(shelf: Shelf, prepared: Prepared, catalogue: str | None) -> list[Publication]:
    """The catalogue with what the upload says of its products; what earlier uploads sold is in it already."""
    known = shelf.read(catalogue) if catalogue else None
    merged = merged_products([prepared.products, known, *seen_in(prepared)])
    if merged.is_empty() or merged is known or (known is not None and merged.equals(known)):
        return []
    return [shelf.write(merged, kind=PRODUCTS, month=ALL_MONTHS)]
