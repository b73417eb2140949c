"""The light models beside statsforecast's, series by series, and on what only ours must know."""

import numpy as np
import pytest
from numpy.typing import NDArray
from statsforecast.models import TSB, SeasonalExponentialSmoothing, SimpleExponentialSmoothing

from app.ml.smoothing_models import Recursion, SeasonalSmoothing, Smoothing, Sold, Tsb, rates

Floats = NDArray[np.float64]
DAYS, SERIES = 2100, 6


@pytest.fixture(scope="module")
def units() -> Floats:
    random = np.random.default_rng(3)
    table = np.zeros((DAYS, SERIES))
    table[:] = random.poisson(np.geomspace(0.3, 12, SERIES), size=(DAYS, SERIES))
    return table


def ours(recursion: Recursion, units: Floats) -> Floats:
    sold = Sold(units, np.ones(units.shape, dtype=bool))
    said = rates(sold, {"it": recursion}, origins=np.array([len(units)]))
    return np.asarray(said["it"][0])


def theirs(model: object, units: Floats) -> Floats:
    return np.array([model.forecast(y=series, h=7)["mean"].mean() for series in units.T])  # type: ignore[attr-defined]


def test_simple_smoothing_is_statsforecasts_once_warm(units: Floats) -> None:
    assert ours(Smoothing(SERIES, alpha=0.05), units) == pytest.approx(
        theirs(SimpleExponentialSmoothing(alpha=0.05), units), rel=1e-6
    )


def test_seasonal_smoothing_is_statsforecasts_once_warm(units: Floats) -> None:
    assert ours(SeasonalSmoothing(SERIES, alpha=0.1), units) == pytest.approx(
        theirs(SeasonalExponentialSmoothing(season_length=7, alpha=0.1), units), rel=1e-6
    )


def test_weekdays_count_by_how_often_they_will_be_open() -> None:
    week = np.array([[4.0], [4.0], [4.0], [4.0], [4.0], [4.0], [32.0]])
    sold = Sold(np.tile(week, (20, 1)), np.ones((140, 1), dtype=bool))
    share = np.array([[1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1 / 8], [0, 0, 0, 0, 0, 0, 0]])
    said = [
        rates(sold, {"it": SeasonalSmoothing(1, alpha=0.1)}, origins=np.array([140]), weekdays=one[None])["it"][0, 0]
        for one in share
    ]
    assert said == pytest.approx([4, (24 + 4) / (6 + 1 / 8), 8])


def test_tsb_is_statsforecasts_once_warm(units: Floats) -> None:
    assert ours(Tsb(SERIES, alpha_size=0.05, alpha_chance=0.05), units) == pytest.approx(
        theirs(TSB(alpha_d=0.05, alpha_p=0.05), units), rel=1e-6
    )


def test_smoothing_starts_as_the_plain_mean() -> None:
    level = ours(Smoothing(1, alpha=0.01), np.array([[4.0], [0.0], [2.0]]))
    assert level == pytest.approx([2.0])


def test_days_on_which_nothing_could_be_sold_change_nothing() -> None:
    units = np.array([[4.0], [0.0], [0.0], [2.0]])
    sellable = np.array([[True], [False], [False], [True]])
    models: dict[str, Recursion] = {"ses": Smoothing(1, alpha=0.3), "tsb": Tsb(1, alpha_size=0.3, alpha_chance=0.3)}
    said = rates(Sold(units, sellable), models, origins=np.array([4]))
    assert said["ses"][0] == pytest.approx([3.0])
    assert said["tsb"][0] == pytest.approx([3.0])


def test_an_origin_sees_nothing_of_what_comes_after(units: Floats) -> None:
    other = units.copy()
    other[1000:] = 99
    said = [
        rates(Sold(one, one >= 0), {"ses": Smoothing(SERIES, alpha=0.1)}, origins=np.array([1000, DAYS]))["ses"]
        for one in (units, other)
    ]
    assert np.array_equal(said[0][0], said[1][0])
    assert not np.array_equal(said[0][1], said[1][1])


def test_tsb_fades_what_stopped() -> None:
    units = np.concatenate([np.full((100, 1), 5.0), np.zeros((100, 1))])
    assert ours(Tsb(1, alpha_size=0.05, alpha_chance=0.05), units)[0] < 0.05
