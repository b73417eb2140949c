"""The year's shape: last year again, and what each part of a Prophet adds."""

import numpy as np
import pytest

from app.ml.demand import screened
from app.ml.history import History, history_of
from app.ml.seasonal_models import LAST_YEAR, parts_ahead, repeat_last_year, seasonal_paths
from tests.test_ml.shops import shop


def history(days: int) -> History:
    day = np.arange(days)
    units = np.rint(100 * (1 + 0.5 * np.sin(2 * np.pi * day / 365.25)) * np.where(day % 7 == 5, 2, 1))
    return history_of(screened(shop({"A": units.tolist()})).demand)


def test_last_year_comes_again_at_this_year_s_growth() -> None:
    first = np.random.default_rng(1).poisson(20, 364).astype(np.float64)
    units = np.concatenate([first, 1.5 * first])[:, None]
    assert repeat_last_year(units)[0] == pytest.approx(1.5 * 1.5 * first[:90])


@pytest.mark.parametrize(("days", "models"), [(60, 0), (410, 3), (430, 4)])
def test_a_model_speaks_only_with_enough_days_behind_it(days: int, models: int) -> None:
    known = history(days)
    paths = seasonal_paths(known.by_category(), history=known, origin=days)
    assert len(paths) == models
    assert (LAST_YEAR in paths) == (days >= 420)
    assert all(path.shape == (1, 90) and (path >= 0).all() for path in paths.values())


def test_a_season_of_two_years_is_seen_ahead() -> None:
    known = history(800)
    path = seasonal_paths(known.by_category(), history=known, origin=800)["prophet_yearly_calm"][0]
    day = np.arange(800, 890)
    truth = 100 * (1 + 0.5 * np.sin(2 * np.pi * day / 365.25)) * np.where(day % 7 == 5, 2, 1)
    assert np.abs(path - truth).sum() / truth.sum() < 0.1


def test_parts_add_up_to_a_path_and_name_the_busy_weekday() -> None:
    known = history(800)
    parts = parts_ahead(known.by_category(), history=known)
    assert list(parts) == ["trend", "weekly", "yearly", "holidays"]
    assert set(np.flatnonzero(parts["weekly"][0] > 0) % 7) == {(5 - 800) % 7}
