"""Whatever exports orders, and in whatever container: what comes out is the truth, and every other row is reported.

`exports.py` has the model; `test_truth.py` the same for single lines with personal data and their raw copies.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.lake import CompanyKeys
from app.core.s3 import store_at
from app.domain.cnpj import Cnpj
from app.domain.uploads import IncomingFile, Table
from app.pipeline.merging import ITEMS, PRODUCTS, Counts, write_changes
from app.pipeline.preparation import LakeShelf
from app.pipeline.publishing import ALL_MONTHS
from app.processing.cleaner.preparing import Prepared
from tests.test_processing.at_hand import Desk, lines_of, rows
from tests.test_processing.exports import (
    ANCHOR,
    RULES,
    Export,
    Order,
    dirt,
    exports,
    histories,
    truth_of,
    write_export,
)

UNHURRIED = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def lines(out: pl.DataFrame) -> list[tuple[str, date, str, str, int, int]]:
    columns = ("id_venda", "data_venda", "situacao", "sku", "quantidade", "preco_unitario")
    return sorted((a, b, c, d, round(e * 1000), round(f * 100)) for a, b, c, d, e, f in out.select(columns).rows())


def prepared_from(path: Path) -> Prepared:
    return Desk(path.parent).prepare(IncomingFile(path.name, path, Table.ITEMS))


@UNHURRIED
@given(histories, exports, st.data())
def test_what_comes_out_of_an_export_is_the_truth(history: list[Order], export: Export, data: st.DataObject) -> None:
    anchored = [*history, ANCHOR]
    dirty = data.draw(dirt(anchored))
    with tempfile.TemporaryDirectory() as folder:
        path, reported = write_export(anchored, export, dirty, Path(folder))
        prepared = prepared_from(path)
        rows_in, accepted, rejected, skipped = rows(prepared)
        out = lines(lines_of(prepared))
    told = {(line, rule) for line, rule in prepared.findings.select("line", "rule").rows() if rule in RULES.values()}
    assert out == truth_of(anchored)
    assert told == reported
    assert (rows_in, accepted, rejected + skipped) == (len(out) + len(dirty), len(out), len(dirty))


# --- one export over another -----------------------------------------------------------------------------------------


class Company:
    """A company whose uploads are merged one after another, as the story does it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = store_at((folder / "lake").as_uri())
        self._keys = CompanyKeys(slug="loja", cnpj=Cnpj("12ABC34501DE35"))
        self._current: dict[tuple[str, str], str] = {}
        self._uploads = 0

    def send(self, history: Sequence[Order], export: Export) -> Counts:
        """One more upload; what became of its lines."""
        self._uploads += 1
        folder = self._folder / str(self._uploads)
        folder.mkdir()
        path, _ = write_export([*history, ANCHOR], export, [], folder)
        shelf = LakeShelf(self._store, self._keys, datetime(2026, 11, 22, 12, 0, self._uploads, tzinfo=UTC))
        months = {month: key for (kind, month), key in self._current.items() if kind == ITEMS}
        catalogue = self._current.get((PRODUCTS, ALL_MONTHS))
        changes = write_changes(shelf, prepared_from(path), months=months, catalogue=catalogue)
        self._current |= {(p.kind, p.month): p.key for p in changes.publications}
        assert len(changes.publications) == len({p.key for p in changes.publications})
        if not (changes.lines.added or changes.lines.changed):
            assert changes.publications == []
        return changes.lines

    def published(self) -> list[tuple[str, date, str, str, int, int]]:
        """All the lines of all its months."""
        shelf = LakeShelf(self._store, self._keys, datetime(2026, 11, 22, tzinfo=UTC))
        months = {month: shelf.read(key) for (kind, month), key in self._current.items() if kind == ITEMS}
        assert all((frame["data_venda"].dt.strftime("%Y-%m") == month).all() for month, frame in months.items())
        return lines(pl.concat(months.values()))


changes_of = st.sampled_from(("nothing", "situation", "quantity", "price"))


def changed(order: Order, what: str) -> Order:
    if what == "situation":
        return replace(order, situation="devolvida" if order.situation == "cancelada" else "cancelada")
    if what == "nothing":
        return order
    first, *others = order.items
    other = replace(first, thousandths=7_000) if what == "quantity" else replace(first, cents=first.cents + 1)
    return replace(order, items=(other, *others))


@settings(UNHURRIED, max_examples=40)
@given(histories, exports, exports, st.data())
def test_overlapping_exports_are_one_history_and_the_later_wins(
    history: list[Order], export: Export, other: Export, data: st.DataObject
) -> None:
    earlier = [order for order in history if data.draw(st.booleans(), label="in the earlier")]
    later = [
        changed(order, data.draw(changes_of)) for order in history if data.draw(st.booleans(), label="in the later")
    ]
    truth = {order.sale: order for order in earlier} | {order.sale: order for order in later}
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder))
        company.send(earlier, export)
        first = company.send(later, other)
        assert company.published() == truth_of([*truth.values(), ANCHOR])
        again = company.send(later, export)
        assert company.published() == truth_of([*truth.values(), ANCHOR])
    sent = sum(len(order.items) for order in (*later, ANCHOR))
    assert first.added + first.already_there == sent
    assert again == Counts(added=0, changed=0, already_there=sent, moved=0)
