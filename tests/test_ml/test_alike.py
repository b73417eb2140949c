"""Rare products are told from those that were once like them."""

import numpy as np
import pytest

from app.ml.alike import alike_totals, cell_of, pace_of, paces, sale_sizes

SERIES = 600
CATEGORY_OF = np.arange(SERIES) % 2


def facts(*, since: float, sales: float = 1.0, age: float = 20.0) -> dict[str, np.ndarray]:
    one = np.ones((1, SERIES))
    return {"sales": sales * one, "since": since * one, "age": age * one, "units": 2 * sales * one}


def test_what_followed_a_first_sale_is_expected_after_the_next_one() -> None:
    past = facts(since=3)
    cells, sizes = cell_of(past), sale_sizes(past, category_of=CATEGORY_OF)
    sold = np.stack([np.full(SERIES, units) for units in (3.0, 5.0, 6.0)])[None]
    pace = pace_of(paces(cells, sizes, sold, category_of=CATEGORY_OF))
    said = alike_totals(pace, cell=cells[0], size=sizes[0], category_of=CATEGORY_OF)
    assert said[:, 0] == pytest.approx([3, 5, 6], rel=0.02)


def test_a_better_category_lifts_its_new_products() -> None:
    past = facts(since=3)
    cells, sizes = cell_of(past), sale_sizes(past, category_of=CATEGORY_OF)
    sold = np.where(CATEGORY_OF == 0, 9.0, 1.0) * np.ones((1, 3, SERIES))
    pace = pace_of(paces(cells, sizes, sold, category_of=CATEGORY_OF))
    said = alike_totals(pace, cell=cells[0], size=sizes[0], category_of=CATEGORY_OF)
    assert said[0, 0] > 5 * said[0, 1] > 0


def test_a_horizon_nobody_lived_through_goes_on_at_the_last_pace_known() -> None:
    past = facts(since=3)
    cells, sizes = cell_of(past), sale_sizes(past, category_of=CATEGORY_OF)
    sold = np.full((1, 3, SERIES), np.nan)
    sold[:, 0] = 3.0
    pace = pace_of(paces(cells, sizes, sold, category_of=CATEGORY_OF))
    said = alike_totals(pace, cell=cells[0], size=sizes[0], category_of=CATEGORY_OF)
    assert said[:, 0] == pytest.approx([3, 6, 9], rel=0.02)


def test_cells_tell_a_fresh_product_from_a_forgotten_one() -> None:
    assert cell_of(facts(since=3))[0, 0] != cell_of(facts(since=90, age=100))[0, 0]
    assert cell_of(facts(since=0, sales=0.0))[0, 0] == -1
