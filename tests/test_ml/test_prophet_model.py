"""Many series at once behave as each would alone in Prophet, whatever its days and values."""

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from app.ml.prophet_model import HolidayDate, Outcome, ProphetSpec, fit, holiday_dates
from tests.test_ml.prophet_reference import HOLIDAYS, SPECS, START, coming, grocery_series, stan_fit

Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def history() -> Floats:
    return grocery_series(60)


def with_gaps(history: Floats) -> Floats:
    """Some days missing at random, and every other series starting late."""
    gapped = history.copy()
    gapped[np.random.default_rng(7).random(history.shape) < 0.05] = np.nan
    for i in range(0, len(history), 2):
        gapped[i, : 20 + 3 * i] = np.nan
    return gapped


@pytest.mark.parametrize("name", SPECS)
def test_a_series_among_others_is_fitted_as_if_alone(history: Floats, name: str) -> None:
    gapped = with_gaps(history)[:8]
    together = fit(gapped, start=START, spec=SPECS[name]).predict(30)
    for i in range(len(gapped)):
        alone = fit(gapped[i : i + 1], start=START, spec=SPECS[name]).predict(30)
        np.testing.assert_allclose(together[i], alone[0], rtol=0, atol=1e-7 * np.nanmax(gapped[i]))


@pytest.mark.parametrize("name", SPECS)
def test_a_design_of_ones_own_is_the_design_that_many_share(history: Floats, name: str) -> None:
    shared = history[:12].copy()
    shared[:, :17] = shared[:, 40:300:13] = np.nan
    together = fit(shared, start=START, spec=SPECS[name])
    for i in range(len(shared)):
        alone = fit(shared[i : i + 1], start=START, spec=SPECS[name])
        assert alone.objective[0] == pytest.approx(together.objective[i], abs=1e-8)
        np.testing.assert_array_equal(alone.frame.changepoints[0], together.frame.changepoints[i])
        np.testing.assert_allclose(alone.predict(30)[0], together.predict(30)[i], atol=1e-7 * np.nanmax(shared[i]))


def test_the_number_of_threads_changes_no_bit() -> None:
    history = grocery_series(900)
    history[:60] = with_gaps(history[:60])
    one, three = (fit(history, start=START, threads=threads).predict(30) for threads in (1, 3))
    assert one.tobytes() == three.tobytes()


def test_the_history_is_left_as_it_was(history: Floats) -> None:
    gapped = with_gaps(history)
    before = gapped.copy()
    fit(gapped, start=START).predict(10, floor=0.0)
    np.testing.assert_array_equal(gapped, before)


def test_a_late_start_is_a_start_of_its_own(history: Floats) -> None:
    late = history.copy()
    late[:, :100] = np.nan
    whole = fit(late, start=START).predict(30)
    cut = fit(history[:, 100:], start=START + timedelta(days=100)).predict(30)
    np.testing.assert_allclose(whole, cut, rtol=0, atol=1e-7 * history.max())


def test_a_missing_day_is_not_a_zero() -> None:
    history = np.full((1, 140), 8.0) + np.tile([0, 1, 2, 3, 4, 5, 6], 20)
    history[0, ::10] = np.nan
    forecast = fit(history, start=START).predict(14)
    np.testing.assert_allclose(forecast[0], np.tile(np.arange(8.0, 15.0), 2), atol=0.01)


def test_late_starts_and_missing_days_have_prophets_own_changepoints(history: Floats) -> None:
    gapped = with_gaps(history)[:4]
    fitted = fit(gapped, start=START)
    for i, values in enumerate(gapped):
        stock = stan_fit(ProphetSpec(), values)
        np.testing.assert_allclose(fitted.frame.changepoints[i], np.asarray(stock.changepoints_t), rtol=1e-15)
        assert fitted.frame.scale[i] == stock.y_scale
        assert fitted.objective[i] > stock.params["lp__"].item() - 1e-6


@pytest.mark.parametrize("days", [4, 5, 13, 14, 15, 31, 32, 33])
def test_a_short_history_is_fitted_no_worse_than_by_prophet(days: int) -> None:
    history = np.random.default_rng(days).poisson(4, (1, days)).astype(float)
    fitted = fit(history, start=START)
    assert fitted.outcomes[0] == Outcome.FITTED
    assert fitted.objective[0] > stan_fit(ProphetSpec(), history[0]).params["lp__"].item() - 1e-6


def test_two_observations_are_joined_by_a_line_and_say_so() -> None:
    fitted = fit(np.array([[4.0, np.nan, 6.0]]), start=START)
    assert fitted.outcomes[0] == Outcome.NOISELESS
    np.testing.assert_allclose(fitted.predict(2), [[7.0, 8.0]], rtol=1e-4)


def test_a_constant_series_goes_on_as_in_prophet() -> None:
    history = np.repeat([[0.0], [7.0], [-3.0]], 60, axis=1)
    fitted = fit(history, start=START)
    assert (fitted.outcomes == Outcome.CONSTANT).all()
    np.testing.assert_array_equal(fitted.predict(5), np.repeat([[0.0], [7.0], [-3.0]], 5, axis=1))
    for i, values in enumerate(history):
        stock = stan_fit(ProphetSpec(), values)
        np.testing.assert_array_equal(fitted.predict(90)[i], stock.predict(coming(history))["yhat"])


def test_less_than_two_observations_keep_their_level_and_say_so() -> None:
    history = np.full((3, 30), np.nan)
    history[1, 12], history[2, 12] = 5.0, 0.0
    fitted = fit(history, start=START)
    assert (fitted.outcomes == Outcome.TOO_SHORT).all()
    np.testing.assert_array_equal(fitted.predict(3), [[0.0] * 3, [5.0] * 3, [0.0] * 3])


def test_a_series_without_noise_is_held_at_the_floor_and_says_so() -> None:
    fitted = fit(np.arange(100.0)[None], start=START)
    assert fitted.outcomes[0] == Outcome.NOISELESS
    np.testing.assert_allclose(fitted.predict(30)[0], np.arange(100.0, 130.0), rtol=0.01)


def test_one_sale_of_ten_thousand_stays_finite(history: Floats) -> None:
    odd = history.copy()
    odd[:, 200] = 10_000.0
    fitted = fit(odd, start=START, spec=SPECS["yearly and holidays"])
    assert np.isfinite(fitted.predict(90)).all()
    assert fitted.kkt_residual.max() < 1e-6


def test_an_infinite_value_is_refused(history: Floats) -> None:
    history = history.copy()
    history[3, 5] = np.inf
    with pytest.raises(ValueError, match="infinite"):
        fit(history, start=START)


def test_a_list_of_values_is_not_a_table() -> None:
    with pytest.raises(ValueError, match="n_series"):
        fit(np.arange(30.0), start=START)


def test_a_company_without_products_has_no_forecasts() -> None:
    assert fit(np.empty((0, 50)), start=START).predict(7).shape == (0, 7)


def test_products_without_a_day_are_too_short() -> None:
    fitted = fit(np.empty((2, 0)), start=START)
    assert (fitted.outcomes == Outcome.TOO_SHORT).all()
    np.testing.assert_array_equal(fitted.predict(3), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("days", "spec", "expected"),
    [
        (729, ProphetSpec(), {"weekly"}),
        (731, ProphetSpec(), {"weekly", "yearly"}),
        (14, ProphetSpec(), set()),
        (15, ProphetSpec(), {"weekly"}),
        (100, ProphetSpec(yearly=True, weekly=False), {"yearly"}),
        (900, ProphetSpec(yearly=False), {"weekly"}),
    ],
)
def test_seasonalities_are_on_by_prophets_own_rules(days: int, spec: ProphetSpec, expected: set[str]) -> None:
    history = np.random.default_rng(3).poisson(5, (1, days)).astype(float)
    fitted = fit(history, start=START, spec=spec)
    used = {name for name, part in fitted.components(30).items() if name != "trend" and np.abs(part).max() > 0}
    assert used == expected
    assert set(fitted.as_prophet(0).seasonalities) == expected


def test_a_series_seen_once_a_week_has_no_weekdays() -> None:
    history = np.full((1, 365), np.nan)
    history[0, ::7] = np.random.default_rng(5).poisson(9, 53)
    fitted = fit(history, start=START)
    assert np.ptp(fitted.components(14)["weekly"]) == 0.0


@pytest.mark.parametrize("name", ["plain", "yearly and holidays", "flat"])
def test_added_components_sum_to_the_forecast(history: Floats, name: str) -> None:
    fitted = fit(history, start=START, spec=SPECS[name])
    np.testing.assert_allclose(sum(fitted.components(365).values()), fitted.predict(365), atol=1e-9 * history.max())


def test_multiplied_components_are_shares_of_the_trend(history: Floats) -> None:
    fitted = fit(history[:5], start=START, spec=SPECS["multiplicative"])
    parts = fitted.components(365)
    expected = parts["trend"] * (1 + parts["weekly"] + parts["holidays"])
    np.testing.assert_allclose(expected, fitted.predict(365), atol=1e-9 * history.max())


def test_a_holiday_lifts_its_own_days_and_no_others() -> None:
    start = date(2021, 1, 1)
    history = np.random.default_rng(11).normal(20, 1, (1, 4 * 365))
    days = [start + timedelta(days=i) for i in range(history.shape[1])]
    mothers_day = holiday_dates((date(year, 5, 10), "Dia das mães", -1, 0) for year in range(2021, 2026))
    for i, day in enumerate(days):
        history[0, i] += 30 * ((day.month, day.day) in {(5, 9), (5, 10)})
    fitted = fit(history, start=start, spec=ProphetSpec(holidays=mothers_day))
    effect = fitted.components(365)["holidays"][0]
    lifted = [start + timedelta(days=history.shape[1] + int(i)) for i in np.flatnonzero(effect)]
    assert lifted == [date(2025, 5, 9), date(2025, 5, 10)]
    np.testing.assert_allclose(effect[effect != 0], 30, atol=2)


def test_a_holiday_that_history_never_saw_has_no_effect(history: Floats) -> None:
    unseen = (HolidayDate(date(2018, 2, 13), "Carnaval", -1, 0),)
    without = fit(history, start=START).predict(90)
    np.testing.assert_allclose(fit(history, start=START, spec=ProphetSpec(holidays=unseen)).predict(90), without)


def test_a_floor_replaces_only_what_lies_below_it(history: Floats) -> None:
    fitted = fit(history, start=START)
    free = fitted.predict(365)
    assert free.min() < 0
    np.testing.assert_array_equal(fitted.predict(365, floor=0.0), np.maximum(free, 0.0))


def test_the_spec_is_a_value() -> None:
    assert replace(ProphetSpec(), holidays=HOLIDAYS) == ProphetSpec(holidays=HOLIDAYS)
    assert hash(ProphetSpec(holidays=HOLIDAYS)) == hash(replace(ProphetSpec(), holidays=HOLIDAYS))


def test_a_setting_that_prophet_would_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        ProphetSpec(changepoint_prior_scale=0.0)
    with pytest.raises(ValueError, match="changepoints"):
        ProphetSpec(changepoint_range=1.5)
    with pytest.raises(ValueError, match="Natal"):
        HolidayDate(date(2017, 12, 25), "Natal", lower_window=1)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_the_unit_of_measure_does_not_matter(history: Floats, size: float) -> None:
    plain = fit(history[:5], start=START).predict(30)
    np.testing.assert_allclose(fit(history[:5] * size, start=START).predict(30) / size, plain, rtol=1e-6)


def test_importing_the_model_imports_nothing_slow() -> None:
    slow = {"prophet", "matplotlib", "pandas", "numba"}
    code = f"import sys, app.ml.prophet_model; print({slow} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
