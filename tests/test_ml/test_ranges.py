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
