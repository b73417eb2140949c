"""A plain sentence on what moves a product's sales."""

import numpy as np
import polars as pl

from app.ml.demand import screened
from app.ml.explanations import explained, month_factors
from app.ml.history import history_of
from app.ml.predictor import predict
from app.ml.trainer import train
from tests.test_ml.shops import shop


def test_weekdays_and_months_are_named_in_both_languages() -> None:
    day = np.arange(3 * 365)
    month = (np.datetime64("2024-01-01") + day).astype("datetime64[M]").astype(int) % 12
    units = np.where(day % 7 == 4, 9, 3) * np.where(month == 11, 3, 1)
    demand = shop({"A": units.tolist(), "B": [0] * 900 + [1] + [0] * 194})
    trained = train(demand)
    history = history_of(screened(demand).demand)
    factors = month_factors(history.by_category(), history=history)
    assert factors is not None
    words = explained(trained.products, months=factors[history.category_of])
    assert words[0].pt.startswith("vende mais às sextas e em dezembro")
    assert words[0].en.startswith("sells more on Fridays and in December")
    assert words[1].pt == "vende pouco demais para mostrar um padrão"


def test_one_open_sunday_does_not_make_busy_days_of_all_others() -> None:
    days = [10, 10, 10, 10, 10, 10, 0] * 40
    days[35 * 7 + 6] = 10
    names = [f"P{place:02d}" for place in range(20)]
    series = predict(train(shop(dict.fromkeys(names, days)))).series.filter(pl.col("id").is_in(names))
    assert series["explanation"].unique().to_list() == ["vende por igual na semana"]


def test_months_cannot_be_told_from_a_single_year() -> None:
    history = history_of(screened(shop({"A": [1] * 500})).demand)
    assert month_factors(history.by_category(), history=history) is None
