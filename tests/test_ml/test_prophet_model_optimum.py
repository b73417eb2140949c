"""The fit is the maximum of the posterior that prophet.stan states, whoever looks."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize

from app.ml.prophet_model import FittedProphets, Outcome, ProphetSpec, fit
from tests.test_ml.prophet_reference import (
    SPECS,
    START,
    coming,
    grocery_series,
    stan_fit,
    stan_inputs,
    stan_log_posterior,
    stock_shapes,
    table_of,
)

Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def history() -> Floats:
    return grocery_series(1000)


@pytest.fixture(scope="module", params=SPECS)
def case(request: pytest.FixtureRequest, history: Floats) -> tuple[ProphetSpec, Floats, FittedProphets]:
    spec = SPECS[request.param]
    few = history[::250]
    return spec, few, fit(few, start=START, spec=spec)


def test_the_reference_objective_is_stans_own(case: tuple[ProphetSpec, Floats, FittedProphets]) -> None:
    spec, history, _ = case
    stan = stan_fit(spec, history[0]).params
    assert stan_log_posterior(stan_inputs(spec, history[0]), stan) == pytest.approx(stan["lp__"].item(), abs=1e-8)


def test_the_objective_is_stans_at_our_parameters(case: tuple[ProphetSpec, Floats, FittedProphets]) -> None:
    spec, history, fitted = case
    for i, values in enumerate(history):
        expected = stan_log_posterior(stan_inputs(spec, values), stock_shapes(fitted, i))
        assert fitted.objective[i] == pytest.approx(expected, abs=1e-8)


def test_the_posterior_is_not_below_stans(case: tuple[ProphetSpec, Floats, FittedProphets]) -> None:
    spec, history, fitted = case
    for i, values in enumerate(history):
        assert fitted.objective[i] > stan_fit(spec, values).params["lp__"].item() - 1e-6


def test_no_move_of_one_parameter_raises_the_posterior(case: tuple[ProphetSpec, Floats, FittedProphets]) -> None:
    spec, history, fitted = case
    inputs, params = stan_inputs(spec, history[1]), stock_shapes(fitted, 1)
    best = stan_log_posterior(inputs, params)
    for name, values in params.items():
        for place in range(values.size):
            for move in (-1e-4, 1e-4):
                moved = values.copy()
                moved.flat[place] += move
                assert stan_log_posterior(inputs, params | {name: moved}) <= best + 1e-9, (name, place, move)


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.seasonality_mode == "additive"])
def test_an_independent_optimiser_finds_nothing_better(history: Floats, name: str) -> None:
    fitted = fit(history[500:501], start=START, spec=SPECS[name])
    found = _smooth_optimum(stan_inputs(SPECS[name], history[500]))
    assert fitted.objective[0] > found - 1e-9
    assert fitted.objective[0] == pytest.approx(found, abs=1e-4)


def _smooth_optimum(inputs: dict[str, Any]) -> float:
    """The posterior's maximum by L-BFGS-B, where each delta is the difference of two parameters above zero."""
    t, t_change, tau = np.asarray(inputs["t"]), np.asarray(inputs["t_change"]), inputs["tau"]
    flat = inputs["trend_indicator"] == 2
    hinges = np.maximum(t[:, None] - t_change, 0) * (not flat)
    ridge = np.column_stack([np.ones_like(t), t * (not flat), np.asarray(inputs["X"])])
    columns = np.hstack([ridge, hinges, -hinges])
    scales = np.concatenate([[5.0, 5.0], inputs["sigmas"]])
    y, n, n_ridge = np.asarray(inputs["y"]), len(t), ridge.shape[1]

    def loss(x: Floats) -> tuple[float, Floats]:
        log_v, theta = x[0], x[1:]
        errors = y - columns @ theta
        v, ssr = np.exp(log_v), errors @ errors
        gradient = -columns.T @ errors / v
        gradient[:n_ridge] += theta[:n_ridge] / scales**2
        gradient[n_ridge:] += 1 / tau
        value = n * log_v / 2 + ssr / (2 * v) + 2 * v + ((theta[:n_ridge] / scales) ** 2).sum() / 2
        return value + theta[n_ridge:].sum() / tau, np.append(n / 2 - ssr / (2 * v) + 2 * v, gradient)

    lowest = np.concatenate([[-20.0], np.full(n_ridge, -np.inf), np.zeros(2 * len(t_change))])
    found = minimize(
        loss,
        np.zeros(1 + columns.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(lowest, np.full(len(lowest), np.inf)),
        options={"maxiter": 50_000, "maxfun": 100_000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 50},
    )
    return -float(found.fun)


@pytest.mark.parametrize("name", ["plain", "yearly and holidays", "flat", "stiff trend"])
def test_every_condition_of_the_optimum_holds_on_a_thousand_real_series(history: Floats, name: str) -> None:
    fitted = fit(history, start=START, spec=SPECS[name])
    assert (fitted.outcomes == Outcome.FITTED).sum() > 990
    assert fitted.kkt_residual.max() < 1e-6


def test_every_condition_of_the_optimum_holds_with_multiplied_effects(history: Floats) -> None:
    fitted = fit(history[::20], start=START, spec=SPECS["multiplicative"])
    assert fitted.kkt_residual.max() < 1e-6


def test_stan_told_which_bends_are_in_use_makes_the_same_forecast(history: Floats) -> None:
    """Without the kinks of unused bends Stan's own Newton method comes close to its maximum."""
    fitted = fit(history[:6], start=START)
    forecasts = fitted.predict(90)
    for i in range(6):
        ours = fitted.as_prophet(i)
        bends = pd.Series(ours.changepoints)[ours.params["delta"][0] != 0]
        stock = ours.__class__(changepoints=bends, daily_seasonality=False, uncertainty_samples=0)
        stock.fit(table_of(history[i]), algorithm="Newton", sig_figs=17)
        theirs = stock.predict(coming(history))["yhat"].to_numpy()
        assert np.abs(theirs - forecasts[i]).max() < 1e-3 * fitted.frame.scale[i]
        assert stock.params["lp__"].item() == pytest.approx(fitted.objective[i], abs=1e-3)
