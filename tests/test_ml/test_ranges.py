"""Ranges that hold as often as they promise, on what they have not seen."""

import numpy as np
import pytest

from app.ml.ranges import WITHOUT_EVIDENCE, calibrated, conformal_quantiles


def rows(seed: int, *, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    size = np.exp(random.uniform(1, 7, count))
    return size, random.negative_binomial(3, 3 / (3 + size)).astype(np.float64)


@pytest.mark.parametrize("least", [3, 30, 300])
def test_eighty_per_cent_is_kept_at_every_size(least: float) -> None:
    calibration = calibrated(*rows(1))
    said, sold = rows(2)
    low, _, high = calibration.ranges(said)
    some = (said >= least) & (said < 10 * least)
    assert 0.76 <= ((sold >= low) & (sold <= high))[some].mean() <= 0.86


def test_each_side_misses_about_a_tenth() -> None:
    calibration = calibrated(*rows(1))
    said, sold = rows(2)
    low, middle, high = calibration.ranges(said)
    large = said > 50
    assert (sold < low)[large].mean() == pytest.approx(0.1, abs=0.02)
    assert (sold < middle)[large].mean() == pytest.approx(0.5, abs=0.03)
    assert (sold > high)[large].mean() == pytest.approx(0.1, abs=0.02)


def test_quantiles_ascend_and_are_never_negative() -> None:
    for calibration in (calibrated(*rows(3, count=40)), WITHOUT_EVIDENCE):
        ranges = calibration.ranges(np.geomspace(1e-6, 1e6, 50))
        assert (np.diff(ranges, axis=0) >= 0).all()
        assert (ranges >= 0).all()


def test_little_evidence_widens_to_all_that_was_seen() -> None:
    assert conformal_quantiles(np.array([3.0, 1.0, 2.0])).tolist() == [1.0, 2.0, 3.0]


def shops(*, folds: int, series: int, luck: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecasts, sales and fold of series that share their folds' luck; the last fold is the one to come."""
    random = np.random.default_rng(seed)
    size = np.exp(random.uniform(3, 6, (folds + 1, series)))
    shared = random.normal(0, luck, (folds + 1, 1))
    sold = size * np.exp(shared + random.normal(0, 0.2, size.shape))
    return size, sold, np.repeat(np.arange(folds), series)


@pytest.mark.parametrize("folds", [4, 12])
def test_luck_that_a_shop_shares_is_seen_in_few_folds_for_what_it_is(folds: int) -> None:
    held: dict[str, list[float]] = {"folds known": [], "folds not known": []}
    for seed in range(200):
        said, sold, fold = shops(folds=folds, series=40, luck=0.2, seed=seed)
        past = said[:-1].ravel(), sold[:-1].ravel()
        for name, calibration in zip(held, (calibrated(*past, fold=fold), calibrated(*past)), strict=True):
            low, _, high = calibration.ranges(said[-1])
            held[name].append(((sold[-1] >= low) & (sold[-1] <= high)).mean())
    known, unknown = (float(np.mean(shares)) for shares in held.values())
    assert 0.76 <= known <= 0.84
    assert known > unknown + 0.01


def test_nothing_expected_has_no_range() -> None:
    assert calibrated(*rows(1)).ranges(np.zeros(2)).max() == 0


def test_what_hardly_sells_has_a_range_of_units_rather_than_of_multiples() -> None:
    said, sold = rows(5, count=3000)
    said[:300], sold[:300] = 1e-3, np.arange(300) % 3
    assert calibrated(said, sold).ranges(np.array([0.5]))[2] < 10


def test_beyond_the_largest_forecast_a_range_grows_as_the_forecast_does() -> None:
    low, _, high = calibrated(*rows(1)).ranges(np.array([1e5, 1e6]))
    assert high / [1e5, 1e6] == pytest.approx(np.repeat(high[0] / 1e5, 2))
    assert low / [1e5, 1e6] == pytest.approx(np.repeat(low[0] / 1e5, 2))
