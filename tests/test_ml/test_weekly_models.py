"""Weeks smoothed by every gain at once: fast where that has foreseen more, damped, blind to closures."""

import numpy as np
import pytest

from app.ml.weekly_models import DAMPED, LEVEL, WEEKS_AHEAD, Weeks, smoothed, weeks_before


def weeks(rate: np.ndarray) -> Weeks:
    return Weeks(rate[:, None], np.ones((len(rate), 1), dtype=bool))


def test_weeks_end_at_the_origin_and_count_per_open_day() -> None:
    units = np.ones((17, 1))
    opened = np.ones(17, dtype=bool)
    opened[10:12] = units[10:12] = False
    seen = weeks_before(units, open_days=opened)
    assert seen.rate[:, 0] == pytest.approx([1, 1, 1])
    assert seen.known.all()


def test_a_week_of_closed_doors_is_unknown_rather_than_empty() -> None:
    units, opened = np.full((28, 1), 5.0), np.ones(28, dtype=bool)
    units[7:14], opened[7:14] = 0, False
    seen = weeks_before(units, open_days=opened)
    assert seen.known[:, 0].tolist() == [True, False, True, True]
    assert smoothed(seen, LEVEL)[:, 0] == pytest.approx(np.full(WEEKS_AHEAD, 5.0))


def test_a_single_day_is_history_enough_for_a_level() -> None:
    seen = weeks_before(np.full((1, 1), 3.0), open_days=np.ones(1, dtype=bool))
    for grid in (LEVEL, DAMPED):
        assert smoothed(seen, grid)[:, 0] == pytest.approx(np.full(WEEKS_AHEAD, 3.0))


def test_a_steady_series_stays_and_noise_is_averaged() -> None:
    noisy = 100 + np.random.default_rng(1).normal(0, 20, 80)
    for grid in (LEVEL, DAMPED):
        assert smoothed(weeks(noisy), grid)[-1, 0] == pytest.approx(100, abs=12)


def test_a_new_level_is_followed_where_levels_have_changed_before() -> None:
    steps = np.repeat(np.random.default_rng(2).uniform(50, 150, 10), 12)
    assert smoothed(weeks(steps), LEVEL)[0, 0] == pytest.approx(steps[-1], rel=0.1)


def test_growth_goes_on_ever_more_slowly() -> None:
    path = smoothed(weeks(100 + 5.0 * np.arange(60)), DAMPED)[:, 0]
    steps = np.diff(path)
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()
    assert path[-1] < 395 + 5 * WEEKS_AHEAD


def test_a_fall_never_goes_below_nothing() -> None:
    falling = np.maximum(100 - 5.0 * np.arange(21), 0)
    assert (smoothed(weeks(falling), DAMPED) >= 0).all()
