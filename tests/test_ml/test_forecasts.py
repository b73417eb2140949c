"""A whole forecast of a corner shop: what is published, and that it keeps its promises."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import polars as pl
import pytest

from app.ml.demand import Demand
from app.ml.evidence import evidence_of
from app.ml.history import history_of
from app.ml.openings import open_days_ahead
from app.ml.predictor import Forecasts, predict
from app.ml.trainer import Trained, train
from tests.test_ml.shops import corner_shop, shop

SUNDAY = 7


@pytest.fixture(scope="module")
def demand() -> Demand:
    return corner_shop(days=800)


@pytest.fixture(scope="module")
def trained(demand: Demand) -> Trained:
    return train(demand)


@pytest.fixture(scope="module")
def forecasts(trained: Trained) -> Forecasts:
    return predict(trained)


def one(forecasts: Forecasts, sku: str) -> dict[str, object]:
    return forecasts.series.filter(pl.col("level") == "product", pl.col("id") == sku).row(0, named=True)


def test_columns_are_those_of_the_contract(forecasts: Forecasts) -> None:
    assert forecasts.forecast.columns == ["level", "id", "date", "mean", "p10", "p50", "p90"]
    assert forecasts.totals.columns == ["level", "id", "horizon_days", "mean", "p10", "p50", "p90", "revenue_mean"]
    assert forecasts.accuracy.columns == [
        *("level", "horizon_days", "model", "mape", "rmse", "wape", "rmsse", "bias", "coverage")
    ]
    assert set(forecasts.accuracy["model"]) == {"quantyfy", "seasonal_naive", "mean_56", "equal_average"}


def test_every_series_has_ninety_days_and_three_totals(forecasts: Forecasts) -> None:
    assert forecasts.forecast.group_by("level", "id").len()["len"].unique().to_list() == [90]
    assert forecasts.totals.group_by("level", "id").len()["len"].unique().to_list() == [3]
    assert forecasts.series.height == 1 + 4 + 40 + 4


def test_levels_agree_in_totals_and_on_every_day(forecasts: Forecasts) -> None:
    for table, key in ((forecasts.totals, "horizon_days"), (forecasts.forecast, "date")):
        sums = {
            level: part.group_by(key).agg(pl.col("mean").sum()).sort(key)["mean"].to_numpy()
            for (level,), part in table.group_by("level")
        }
        assert np.abs(sums["company"] - sums["category"]).max() < 1e-6
        assert np.abs(sums["product"] + sums["new_products"] - sums["category"]).max() < 1e-6


def test_revenue_agrees_too(forecasts: Forecasts) -> None:
    sums = dict(forecasts.totals.group_by("level").agg(pl.col("revenue_mean").sum()).iter_rows())
    assert sums["company"] == pytest.approx(sums["category"])
    assert sums["product"] + sums["new_products"] == pytest.approx(sums["category"])


def test_totals_are_whole_units_and_the_sum_of_their_days(forecasts: Forecasts) -> None:
    assert (forecasts.totals.select("mean", "p10", "p50", "p90").to_numpy() % 1 == 0).all()
    days = forecasts.forecast.group_by("level", "id").agg(pl.col("mean").sum().alias("days"))
    last = forecasts.totals.filter(pl.col("horizon_days") == 90).join(days, on=["level", "id"])
    assert last["days"].to_list() == pytest.approx(last["mean"].to_list())


def test_a_closed_weekday_is_closed_at_every_level(forecasts: Forecasts) -> None:
    sundays = forecasts.forecast.filter(pl.col("date").dt.weekday() == SUNDAY)
    assert sundays.height > 0
    assert sundays.select("mean", "p10", "p50", "p90").to_numpy().max() == 0


def test_the_backtest_beats_what_a_shop_gets_without_a_system(forecasts: Forecasts) -> None:
    wide = forecasts.accuracy.pivot("model", index=["level", "horizon_days"], values="wape")
    assert (wide["quantyfy"] < wide["seasonal_naive"]).all()


def test_ranges_of_products_hold_as_often_as_they_promise(forecasts: Forecasts) -> None:
    ours = forecasts.accuracy.filter(pl.col("model") == "quantyfy", pl.col("level") == "product")
    assert ours["coverage"].is_between(0.74, 0.93).all()


def test_the_same_snapshot_gives_the_same_bytes(demand: Demand, forecasts: Forecasts) -> None:
    shuffled = replace(demand, daily=demand.daily.sample(fraction=1, shuffle=True, seed=1))
    again = predict(train(shuffled))
    assert again.snapshot == forecasts.snapshot
    for name in ("forecast", "totals", "accuracy", "series"):
        bytes_of = [BytesIO() for _ in range(2)]
        for run, stream in zip((forecasts, again), bytes_of, strict=True):
            getattr(run, name).write_parquet(stream)
        assert bytes_of[0].getvalue() == bytes_of[1].getvalue(), name


def test_another_snapshot_has_another_name(demand: Demand, forecasts: Forecasts) -> None:
    less = replace(demand, daily=demand.daily[1:])
    assert predict(train(less)).snapshot != forecasts.snapshot


def test_progress_goes_from_little_to_done(demand: Demand) -> None:
    told: list[tuple[str, float]] = []
    train(demand, progress=lambda stage, share: told.append((stage, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("done", 1.0)


def test_a_sentence_says_when_more_is_sold(forecasts: Forecasts) -> None:
    assert "aos sábados" in str(one(forecasts, "P39")["explanation"])
    assert "on Saturdays" in str(one(forecasts, "P39")["explanation_en"])


def test_parts_say_what_is_the_week_s_and_what_the_season_s(forecasts: Forecasts) -> None:
    assert forecasts.parts.columns == ["level", "id", "date", "trend", "weekly", "yearly", "holidays"]
    company = forecasts.parts.filter(pl.col("level") == "company")
    saturdays = company.filter(pl.col("date").dt.weekday() == 6)["weekly"].mean()
    assert company.height == 90
    assert saturdays == pytest.approx(company["weekly"].max())


def test_every_grade_has_a_reason(forecasts: Forecasts) -> None:
    assert set(forecasts.series["grade"]) <= set("ABCD")
    assert (forecasts.series["reason"].str.len_chars() > 0).all()
    slow, fast = (forecasts.series.filter(pl.col("id") == sku)["grade"].item() for sku in ("P00", "P39"))
    assert fast < slow


def test_a_new_product_borrows_from_products_that_were_once_new() -> None:
    random = np.random.default_rng(5)
    sales = {}
    for product in range(120):
        start = 3 * product
        sales[f"P{product:03d}"] = [0] * start + [1] + random.poisson(0.4, 380 - start - 1).tolist()
    sales["P120"] = [0] * 379 + [1]
    forecasts = predict(train(shop(sales)))
    row = forecasts.totals.filter(pl.col("id") == "P120", pl.col("level") == "product")
    assert 5 <= row.filter(pl.col("horizon_days") == 90)["mean"].item() <= 70
    assert one(forecasts, "P120")["grade"] == "D"


def test_a_stock_out_is_left_out_and_said() -> None:
    days = [4] * 150 + [0] * 14 + [4] * 10
    trained = train(shop({"A": days, "B": [3] * 174, "C": [1] * 174}))
    row = one(predict(trained), "A")
    assert row["stockout_days"] == 14
    assert "falta de estoque" in str(row["reason"])
    assert trained.products.learned.served[-1, 0, 0] == pytest.approx(120, rel=0.05)


def test_origins_see_nothing_of_what_comes_after(demand: Demand) -> None:
    history = history_of(demand)
    units, origins = history.dense(slice(0, 40)), np.array([400, 500])
    ahead = open_days_ahead(history, origins=origins)
    changed = units.copy()
    changed[500:] *= 7
    before, after = (
        evidence_of(table, history=history, open_ahead=ahead, origins=origins) for table in (units, changed)
    )
    assert all(np.array_equal(before.totals[name], after.totals[name]) for name in before.totals)
    assert not np.array_equal(before.sold, after.sold)
