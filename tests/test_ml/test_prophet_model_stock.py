"""A fitted series opens as a stock Prophet that predicts, draws and serialises as if it had fitted it itself."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from app.ml.prophet_model import HolidayDate, ProphetSpec, fit
from app.ml.prophet_model.features import prophet_features
from tests.test_ml.prophet_reference import SPECS, START, coming, grocery_series, stan_fit, stan_inputs
from tests.test_ml.test_prophet_model import with_gaps

Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def history() -> Floats:
    return with_gaps(grocery_series(4))


OVERLAPPING = (
    HolidayDate(date(2017, 2, 10), "Liquidação", -12, 3),
    HolidayDate(date(2017, 2, 14), "Liquidação", 0, 1),
    HolidayDate(date(2017, 2, 14), "Aniversário", 0, 0),
    HolidayDate(date(2031, 5, 1), "Nunca visto", -1, 1),
)


@pytest.mark.parametrize("days", [800, 31])
@pytest.mark.parametrize(
    "spec",
    [
        *SPECS.values(),
        ProphetSpec(holidays=OVERLAPPING, seasonality_prior_scale=3.0, holidays_prior_scale=0.5),
        ProphetSpec(yearly=False, weekly=False, holidays=OVERLAPPING),
    ],
)
def test_features_are_prophets_own_to_the_last_bit(spec: ProphetSpec, days: int) -> None:
    shown = replace(spec, yearly=bool(spec.yearly), weekly=bool(spec.weekly))
    ours = prophet_features(shown, START, days)
    theirs = stan_inputs(shown, np.arange(float(days)))
    if not ours.components:
        assert theirs["X"].to_numpy().tolist() == [[0.0]] * days  # what Prophet hands to Stan in place of none
        return
    assert (ours.values == theirs["X"].to_numpy().T).all()
    assert theirs["sigmas"] == ours.prior_scales.tolist()


@pytest.mark.parametrize("name", SPECS)
def test_the_stock_object_predicts_what_we_predict(history: Floats, name: str) -> None:
    fitted = fit(history, start=START, spec=SPECS[name])
    ours, parts = fitted.predict(90), fitted.components(90)
    for i in range(len(history)):
        theirs = fitted.as_prophet(i).predict(coming(history))
        np.testing.assert_allclose(theirs["yhat"], ours[i], rtol=0, atol=1e-10 * fitted.frame.scale[i])
        for name_of_part, part in parts.items():
            if name_of_part in theirs:
                np.testing.assert_allclose(theirs[name_of_part], part[i], rtol=0, atol=1e-10 * fitted.frame.scale[i])


@pytest.mark.parametrize("name", SPECS)
def test_parameters_have_the_shapes_that_stan_gives(history: Floats, name: str) -> None:
    ours = fit(history, start=START, spec=SPECS[name]).as_prophet(0).params
    stan = stan_fit(SPECS[name], history[0]).params
    assert {key: stan[key].shape for key in ours} == {key: values.shape for key, values in ours.items()}


@pytest.mark.parametrize("days", [2, 5, 14, 20])
def test_a_short_history_opens_too(days: int) -> None:
    history = np.random.default_rng(days).poisson(4, (1, days)).astype(float)
    fitted = fit(history, start=START)
    theirs = fitted.as_prophet(0).predict(coming(history))["yhat"]
    np.testing.assert_allclose(theirs, fitted.predict(90)[0], rtol=1e-9)


def test_it_survives_json(history: Floats) -> None:
    from prophet.serialize import model_from_json, model_to_json  # noqa: PLC0415 - the module under test imports late

    fitted = fit(history, start=START, spec=SPECS["yearly and holidays"])
    revived = model_from_json(model_to_json(fitted.as_prophet(2)))
    theirs = revived.predict(coming(history))["yhat"]
    np.testing.assert_allclose(theirs, fitted.predict(90)[2], rtol=0, atol=1e-9 * fitted.frame.scale[2])


def test_its_ranges_and_component_plots_work(history: Floats) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - only this test draws

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    stock = fit(history, start=START, spec=SPECS["yearly and holidays"]).as_prophet(0)
    forecast = stock.predict(coming(history))
    assert (forecast["yhat_lower"] < forecast["yhat_upper"]).all()
    assert len(stock.plot(forecast).axes) == 1
    assert [axes.get_ylabel() for axes in stock.plot_components(forecast).axes] == [
        "trend",
        "holidays",
        "weekly",
        "yearly",
    ]
    plt.close("all")


def test_a_history_that_prophet_refuses_is_refused() -> None:
    fitted = fit(np.array([[np.nan, 3.0, np.nan]]), start=START, spec=ProphetSpec())
    with pytest.raises(ValueError, match="less than 2"):
        fitted.as_prophet(0)
