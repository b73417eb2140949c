"""Each measure on numbers worked out by hand."""

import math

import numpy as np
import pytest

from app.ml.evaluator import bias, coverage, mape, naive_scale, pinball, rmse, rmsse, wape

SOLD = np.array([10.0, 0.0, 5.0])
SAID = np.array([8.0, 1.0, 5.0])


def test_wape_counts_days_without_a_sale() -> None:
    assert wape(SOLD, SAID) == pytest.approx(3 / 15)


def test_mape_leaves_out_what_has_no_relative_error() -> None:
    assert mape(SOLD, SAID) == pytest.approx((0.2 + 0) / 2)


def test_rmse_bias_and_coverage() -> None:
    assert rmse(SOLD, SAID) == pytest.approx(math.sqrt(5 / 3))
    assert bias(SOLD, SAID) == pytest.approx(-1 / 15)
    assert coverage(SOLD, np.array([8.0, 1.0, 5.0]), np.array([10.0, 2.0, 5.0])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(("quantile", "loss"), [(0.1, (0.2 + 0.9) / 3), (0.5, 0.5), (0.9, (1.8 + 0.1) / 3)])
def test_pinball_weighs_each_side_by_its_quantile(quantile: float, loss: float) -> None:
    assert pinball(SOLD, SAID, quantile=quantile) == pytest.approx(loss)


def test_rmsse_is_one_for_a_forecast_as_wrong_as_the_naive_one() -> None:
    history = np.array([[1.0, 3.0, 1.0, 3.0]])
    scale = naive_scale(history)
    assert scale == pytest.approx([4.0])
    assert rmsse(np.array([[3.0, 3.0]]), np.array([[1.0, 5.0]]), scale=scale) == pytest.approx(1.0)


def test_rmsse_leaves_out_series_that_never_moved() -> None:
    scale = naive_scale(np.array([[2.0, 2.0, 2.0], [0.0, 1.0, 0.0]]))
    assert rmsse(np.array([5.0, 1.0]), np.array([0.0, 0.0]), scale=scale) == pytest.approx(1.0)


def test_nothing_sold_or_nothing_asked_is_nan_rather_than_a_number() -> None:
    nothing = np.zeros(0)
    assert math.isnan(wape(np.zeros(2), np.ones(2)))
    assert math.isnan(mape(np.zeros(2), np.ones(2)))
    assert math.isnan(rmse(nothing, nothing))
    assert np.isnan(naive_scale(np.array([[1.0]])))
