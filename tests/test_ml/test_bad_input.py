"""Whatever is sent, a forecast comes back that is neither negative nor NaN, and says why it is what it is."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from app.domain.errors import NothingToForecast
from app.ml.demand import Demand
from app.ml.predictor import Forecasts, predict
from app.ml.trainer import train
from tests.test_ml.shops import FIRST, corner_shop, shop

NUMBERS = ("mean", "p10", "p50", "p90")


def forecast(demand: Demand) -> Forecasts:
    return predict(train(demand))


def assert_sound(forecasts: Forecasts) -> None:
    for table in (forecasts.forecast, forecasts.totals):
        numbers = table.select(NUMBERS).to_numpy()
        assert np.isfinite(numbers).all()
        assert (numbers >= 0).all()
        mean, low, middle, high = numbers.T
        assert (low <= mean).all()
        assert (mean <= high).all()
        assert (low <= middle).all()
        assert (middle <= high).all()
    for table, key in ((forecasts.forecast, "date"), (forecasts.totals, "horizon_days")):
        by_level = {
            level: rows.group_by(key).agg(pl.col("mean").sum()).sort(key) for (level,), rows in table.group_by("level")
        }
        company, category, product, new = (
            by_level[level]["mean"].to_numpy() for level in ("company", "category", "product", "new_products")
        )
        assert np.abs(category - company).max() < 1e-6
        assert np.abs(product + new - category).max() < 1e-6
    named = forecasts.series.select("level", "id")
    assert named.is_unique().all()
    assert forecasts.totals.join(named, on=["level", "id"], how="anti").is_empty()
    assert forecasts.series["model"].null_count() == 0
    assert (forecasts.series["reason"].str.len_chars() > 0).all()


def total(forecasts: Forecasts, sku: str, *, days: int = 30) -> float:
    row = forecasts.totals.filter(pl.col("level") == "product", pl.col("id") == sku, pl.col("horizon_days") == days)
    return float(row["mean"].item())


def grade(forecasts: Forecasts, sku: str) -> dict[str, object]:
    return forecasts.series.filter(pl.col("level") == "product", pl.col("id") == sku).row(0, named=True)


def test_three_days_of_history_say_so() -> None:
    forecasts = forecast(shop({"A": [3, 2, 4], "B": [0, 1, 0]}))
    assert_sound(forecasts)
    assert grade(forecasts, "A")["grade"] == "D"
    assert "só 3 dias de história" in str(grade(forecasts, "A")["reason"])
    assert 30 <= total(forecasts, "A") <= 150
    assert forecasts.accuracy.is_empty()


def test_one_sale_in_all() -> None:
    forecasts = forecast(shop({"A": [1]}))
    assert_sound(forecasts)
    assert grade(forecasts, "A")["grade"] == "D"


def test_one_product_for_a_year() -> None:
    forecasts = forecast(shop({"A": [2] * 365}))
    assert_sound(forecasts)
    assert total(forecasts, "A") == pytest.approx(60, rel=0.05)


def test_one_sale_in_a_long_history() -> None:
    forecasts = forecast(shop({"A": [0] * 100 + [1] + [0] * 99}))
    assert_sound(forecasts)
    assert total(forecasts, "A") <= 2


def test_forty_years_of_days() -> None:
    days = 40 * 365
    forecasts = forecast(shop({"A": [1, 2, 3, 4, 5, 6, 7] * (days // 7)}, first=date(1984, 1, 2)))
    assert_sound(forecasts)
    assert total(forecasts, "A") == pytest.approx(120, rel=0.05)


def test_two_months_closed_are_no_lost_demand() -> None:
    days = [4, 6] * 100 + [0] * 60 + [4, 6] * 30
    forecasts = forecast(shop({"A": days, "B": days}))
    assert_sound(forecasts)
    assert total(forecasts, "A") == pytest.approx(150, rel=0.1)


def test_a_sale_of_ten_thousand_is_held_out_and_said() -> None:
    days = [1, 2, 0, 3] * 50
    days[120] = 10_000
    forecasts = forecast(shop({"A": days, "B": [2] * 200}))
    assert_sound(forecasts)
    assert total(forecasts, "A") < 100
    assert "foge do padrão" in str(grade(forecasts, "A")["reason"])


def test_a_single_sale_of_ten_thousand_among_small_ones() -> None:
    forecasts = forecast(shop({"A": [0] * 150 + [10_000] + [0] * 49, "B": [2] * 200, "C": [1, 0] * 100}))
    assert_sound(forecasts)
    assert forecasts.held_out["quantity"].to_list() == [10_000]
    assert forecasts.totals.filter(pl.col("id") == "A").is_empty()
    assert "ficou fora da previsão" in str(grade(forecasts, "A")["reason"])


def test_rows_that_are_no_sales_are_counted_and_left_out() -> None:
    demand = shop({"A": [1, 2] * 100})
    bad = pl.DataFrame(
        {
            "sku": ["A", "A", "A", None, "A"],
            "date": [FIRST, FIRST, FIRST, FIRST, FIRST - timedelta(days=400)],
            "quantity": [float("nan"), -5.0, float("inf"), 1.0, 1.0],
            "revenue": [1.0, float("nan"), None, 1.0, 1.0],
            "returned": [None, float("nan"), 0.0, 0.0, 0.0],
        }
    )
    trained = train(replace(demand, daily=pl.concat([demand.daily, bad])))
    assert trained.rows_left_out == 5
    assert_sound(predict(trained))
    assert predict(trained).totals.equals(forecast(demand).totals)


def test_nothing_sold_is_a_clear_error() -> None:
    demand = shop({"A": [1]})
    with pytest.raises(NothingToForecast):
        train(replace(demand, daily=demand.daily.with_columns(quantity=pl.lit(-1.0))))


def test_a_forecast_from_long_after_the_last_sale() -> None:
    demand = shop({"A": [5] * 100})
    forecasts = forecast(replace(demand, last=demand.last + timedelta(days=300)))
    assert_sound(forecasts)


def test_a_stopped_product_fades() -> None:
    forecasts = forecast(shop({"A": [5] * 200 + [0] * 150, "B": [5] * 350, "C": [3, 0] * 175}))
    assert_sound(forecasts)
    assert total(forecasts, "A") <= 0.1 * total(forecasts, "B")
    assert "sem vendas há 150 dias" in str(grade(forecasts, "A")["reason"])


def test_a_catalogue_of_repeated_and_unsold_products() -> None:
    demand = shop({"A": [1, 2] * 60})
    twice = pl.concat([demand.products, demand.products, demand.products.with_columns(sku=pl.lit("never"))])
    forecasts = forecast(replace(demand, products=twice))
    assert_sound(forecasts)
    assert forecasts.totals.filter(pl.col("id") == "never").is_empty()
    assert grade(forecasts, "never")["grade"] == "D"


def test_fractions_of_a_kilo_stay_fractions() -> None:
    forecasts = forecast(shop({"A": [0.35, 1.2] * 100, "B": [1, 3] * 100}, categories={"A": "x", "B": "y"}))
    assert_sound(forecasts)
    assert total(forecasts, "B") % 1 == 0
    assert total(forecasts, "A", days=90) % 1 != 0


def test_a_corner_shop_is_sound() -> None:
    assert_sound(forecast(corner_shop(days=150)))
