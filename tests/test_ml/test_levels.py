"""Categories sum to the company; products and new products to their category; nobody is negative."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.ml.levels import agreed, summed
from app.ml.whole_units import handed_out, in_whole_units

CATEGORY_OF = np.array([0, 0, 1, 2, 2, 2])


def paths(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.gamma(2, 5, (1, 90)), random.gamma(1, 3, (4, 90)), random.gamma(0.5, 2, (6, 90))


@given(seed=st.integers(0, 50))
def test_levels_agree_on_every_day(seed: int) -> None:
    levels = agreed(*paths(seed), category_of=CATEGORY_OF)
    sums = summed(levels.products, by=CATEGORY_OF, groups=4) + levels.new_products
    assert np.abs(levels.categories.sum(axis=0) - levels.company[0]).max() < 1e-6
    assert np.abs(sums - levels.categories).max() < 1e-6
    assert min(part.min() for part in levels) >= 0


def test_what_today_s_products_do_not_cover_is_new_products() -> None:
    company, categories, products = np.full((1, 90), 10.0), np.full((1, 90), 10.0), np.full((2, 90), 3.0)
    levels = agreed(company, categories, products, category_of=np.array([0, 0]))
    assert np.allclose(levels.products, 3)
    assert np.allclose(levels.new_products, 4)


def test_products_beyond_their_category_are_scaled_down_to_it() -> None:
    company, categories, products = np.full((1, 90), 3.0), np.full((1, 90), 3.0), np.full((2, 90), 3.0)
    levels = agreed(company, categories, products, category_of=np.array([0, 0]))
    assert np.allclose(levels.products, 1.5)
    assert np.allclose(levels.new_products, 0)


def test_a_day_on_which_the_company_is_closed_is_closed_for_all() -> None:
    company, categories, products = paths(1)
    company[0, 6::7] = 0
    levels = agreed(company, categories, products, category_of=CATEGORY_OF)
    assert all((part[:, 6::7] == 0).all() for part in levels)


def test_slow_products_share_their_units_instead_of_losing_them() -> None:
    totals = np.full((100, 3), [0.3, 0.6, 0.9])
    rounded = in_whole_units(totals, group=np.zeros(100, np.int64), whole=np.ones(100, dtype=bool))
    assert rounded.sum(axis=0).tolist() == [30, 60, 90]
    assert set(np.unique(rounded)) <= {0.0, 1.0}


@given(seed=st.integers(0, 200))
def test_whole_units_never_fall_and_add_up(seed: int) -> None:
    random = np.random.default_rng(seed)
    totals = np.cumsum(random.gamma(0.3, 4, (30, 3)), axis=1)
    group = random.integers(0, 5, 30)
    whole = np.ones(30, dtype=bool)
    rounded = in_whole_units(totals, group=group, whole=whole)
    assert (rounded % 1 == 0).all()
    assert (np.diff(rounded, axis=1) >= 0).all()
    for column in range(3):
        sums = np.bincount(group, rounded[:, column], minlength=5)
        assert (sums == np.rint(np.bincount(group, totals[:, column], minlength=5))).all()
    assert np.abs(rounded - totals).max() < 2


def test_kilos_are_left_as_they_are() -> None:
    totals = np.array([[0.35, 0.7, 1.1], [1.4, 2.6, 3.9]])
    rounded = in_whole_units(totals, group=np.array([0, 0]), whole=np.array([False, True]))
    assert rounded[0].tolist() == totals[0].tolist()
    assert rounded[1].tolist() == [1, 3, 4]


def test_units_go_to_the_largest_remainders() -> None:
    given_out = handed_out(np.array([0.5, 0.2, 0.4, 1.9]), group=np.array([0, 0, 0, 1]), goal=np.array([1.0, 2.0]))
    assert given_out.tolist() == [1, 0, 0, 2]
