"""Every product listed has a row; what unsold ones are given comes out of "new products", and no total moves."""

from dataclasses import replace
from time import process_time

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ml.demand import Demand
from app.ml.predictor import Forecasts, predict
from app.ml.trainer import train
from app.ml.unsold import handed_to_unsold
from tests.test_ml.shops import corner_shop, shop

DAYS = 400
WAITING = 12  # unsold products of the category that keeps bringing out new ones


def bookshop() -> Demand:
    """Every fifth day a new title begins and sells daily for two months; a category of classics brings out nothing."""
    random = np.random.default_rng(3)
    sales: dict[str, list[float]] = {
        f"T{title:02d}": [0] * (5 * title) + random.poisson(1.0, min(60, DAYS - 5 * title)).tolist()
        for title in range(DAYS // 5)
    }
    sales |= {f"C{classic}": random.poisson(3.0, DAYS).tolist() for classic in range(8)}
    return shop(sales, categories={sku: "Novidades" if sku[0] == "T" else "Clássicos" for sku in sales})


def listed(demand: Demand, skus: dict[str, str], *, price: float | None = None) -> Demand:
    """The same shop with more products in its catalogue, by category."""
    more = pl.DataFrame(
        {"sku": list(skus), "descricao": list(skus), "categoria": list(skus.values())},
        schema_overrides={"categoria": pl.String},
    ).with_columns(pl.lit(price, pl.Float64).alias("preco_venda"), pl.lit("un").alias("unidade"))
    return replace(demand, products=pl.concat([demand.products, more]))


def waiting(category: str, count: int, *, letter: str) -> dict[str, str]:
    return {f"{letter}{place:03d}": category for place in range(count)}


@pytest.fixture(scope="module")
def before() -> Forecasts:
    return predict(train(bookshop()))


@pytest.fixture(scope="module")
def after() -> Forecasts:
    more = waiting("Novidades", WAITING, letter="N") | waiting("Clássicos", 30, letter="K") | {"X1": "Discos"}
    return predict(train(listed(bookshop(), more)))


def series(forecasts: Forecasts, sku: str) -> dict[str, object]:
    return forecasts.series.filter(pl.col("level") == "product", pl.col("id") == sku).row(0, named=True)


def totals(forecasts: Forecasts, level: str) -> pl.DataFrame:
    rows = forecasts.totals.filter(pl.col("level") == level)
    return rows.group_by("horizon_days").agg(pl.col("mean", "revenue_mean").sum()).sort("horizon_days")


def test_every_product_of_the_catalogue_has_a_row_with_grade_model_and_reason(after: Forecasts) -> None:
    rows = after.series.filter(pl.col("level") == "product")
    assert rows["id"].n_unique() == rows.height == 88 + WAITING + 30 + 1
    row = series(after, "N000")
    assert (row["grade"], row["demand_class"], row["model"]) == ("D", "unsold", "cold start: category")
    assert str(row["reason"]).startswith("ainda não vendeu; de cada mil produtos da categoria")
    assert str(row["reason_en"]).startswith("has not sold yet; of a thousand products of the category")
    assert not rows["reason"].is_null().any()


def test_new_titles_are_expected_to_sell_as_titles_did_that_were_new(after: Forecasts) -> None:
    """In 90 days 18 titles begin beside the 12 that wait: over half of those listed, each to sell up to 60 units."""
    rows = after.totals.filter(pl.col("id").str.starts_with("N"), pl.col("level") == "product")
    quarter = rows.filter(pl.col("horizon_days") == 90)
    assert quarter.height == WAITING
    assert quarter["mean"].n_unique() == 1
    assert 10 <= quarter["mean"][0] <= 35
    assert (quarter["p90"] >= 40).all()
    assert (quarter["p10"] == 0).all()


def test_classics_that_never_sold_are_given_nothing_and_no_days(after: Forecasts) -> None:
    rows = after.totals.filter(pl.col("id").str.starts_with("K"), pl.col("level") == "product")
    assert rows.height == 3 * 30
    assert rows["mean"].max() == 0
    assert after.forecast.filter(pl.col("id").str.starts_with("K"), pl.col("level") == "product").is_empty()
    assert ", 0 venderam nos 30 dias seguintes" in str(series(after, "K000")["reason"])


def test_of_a_category_that_never_sold_nothing_is_said_but_that(after: Forecasts) -> None:
    assert after.totals.filter(pl.col("id") == "X1").is_empty()
    row = series(after, "X1")
    assert (row["grade"], row["model"]) == ("D", "none")
    assert row["reason"] == "ainda não vendeu, nem outro produto da categoria"


def test_no_total_moves_and_levels_still_agree(before: Forecasts, after: Forecasts) -> None:
    for level in ("company", "category"):
        for table in ("totals", "forecast"):
            was, now = (getattr(one, table).filter(pl.col("level") == level)["mean"] for one in (before, after))
            assert np.abs(was.to_numpy() - now.to_numpy()).max() < 1e-6
    for rows, key in ((after.totals, "horizon_days"), (after.forecast, "date")):
        sums = {
            level: part.group_by(key).agg(pl.col("mean").sum()).sort(key)["mean"].to_numpy()
            for (level,), part in rows.group_by("level")
        }
        assert np.abs(sums["product"] + sums["new_products"] - sums["category"]).max() < 1e-6
    assert totals(after, "new_products")["mean"][2] < totals(before, "new_products")["mean"][2]
    money = {
        level: totals(after, level)["revenue_mean"].to_numpy() for level in ("product", "new_products", "category")
    }
    assert money["product"] + money["new_products"] == pytest.approx(money["category"])


def test_totals_stay_whole_units_and_the_sum_of_their_days(after: Forecasts) -> None:
    assert (after.totals.select("mean", "p10", "p50", "p90").to_numpy() % 1 == 0).all()
    days = after.forecast.group_by("level", "id").agg(pl.col("mean").sum().alias("days"))
    last = after.totals.filter(pl.col("horizon_days") == 90).join(days, on=["level", "id"], how="left")
    assert last["days"].fill_null(0).to_list() == pytest.approx(last["mean"].to_list())
    assert (after.forecast["mean"] >= 0).all()


def test_a_listed_price_is_its_revenue() -> None:
    forecasts = predict(train(listed(bookshop(), waiting("Novidades", WAITING, letter="N"), price=50.0)))
    row = forecasts.totals.filter(pl.col("id") == "N000", pl.col("horizon_days") == 90).row(0, named=True)
    assert row["revenue_mean"] == 50 * row["mean"] > 0


def test_with_little_history_nothing_is_said_of_them() -> None:
    forecasts = predict(train(listed(shop({"A": [3] * 60}, categories={"A": "x"}), {"N1": "x"})))
    assert forecasts.totals.filter(pl.col("id") == "N1").is_empty()
    assert "a história ainda não mostra" in str(series(forecasts, "N1")["reason"])


def test_a_small_category_is_told_by_the_whole_company() -> None:
    demand = listed(bookshop(), {"N1": "Papelaria"} | waiting("Novidades", WAITING, letter="N"))
    pens = shop({"CANETA": [2] * DAYS}, categories={"CANETA": "Papelaria"})
    both = replace(
        demand,
        daily=pl.concat([demand.daily, pens.daily]),
        products=pl.concat([demand.products, pens.products]),
    )
    row = series(predict(train(both)), "N1")
    assert row["model"] == "cold start: company"
    assert "produtos da empresa" in str(row["reason"])


def test_what_sold_only_before_the_history_is_no_product_that_never_sold() -> None:
    demand = shop({"OLD": [5] + [0] * 1999, "A": [3] * 2000}, categories={"OLD": "x", "A": "x"})
    forecasts = predict(train(demand))
    assert series(forecasts, "OLD")["reason"] == "não vende há mais de 4 anos"
    assert forecasts.totals.filter(pl.col("id") == "OLD").is_empty()


def test_another_catalogue_is_another_snapshot(before: Forecasts, after: Forecasts) -> None:
    assert before.snapshot != after.snapshot


@given(seed=st.integers(0, 200))
def test_never_more_is_handed_out_than_there_is(seed: int) -> None:
    random = np.random.default_rng(seed)
    new = np.cumsum(random.integers(0, 40, (6, 3)), axis=1).astype(np.float64)
    wanted = np.cumsum(random.gamma(0.5, 3, (6, 3)), axis=1)
    wanted[0] = np.nan
    members = random.integers(0, 9, 6)
    each = handed_to_unsold(new, wanted, members=members)
    assert (each % 1 == 0).all()
    assert (np.diff(each, axis=1, prepend=0) >= 0).all()
    assert (np.diff(new - each * members[:, None], axis=1, prepend=0) >= 0).all()
    assert (each <= np.where(np.isnan(wanted), 0, wanted) + 1).all()


def test_a_catalogue_of_ninety_thousand_costs_no_days_and_no_time() -> None:
    demand = corner_shop(days=200, products=12)
    many = {f"N{place:05d}": f"Categoria {place % 4}" for place in range(90_000)}
    trained = train(listed(demand, many))
    begun = process_time()
    forecasts = predict(trained)
    assert process_time() - begun < 5  # of the processor; a tenth of it, and minutes where a step is quadratic
    assert forecasts.forecast.filter(pl.col("id").str.starts_with("N")).is_empty()
    assert forecasts.totals.height == 3 * (1 + 4 + 12 + 4 + 90_000)


def test_what_stays_with_new_products_is_as_uncertain_as_all_of_them_were(before: Forecasts, after: Forecasts) -> None:
    named = (pl.col("level") == "new_products") & (pl.col("id") == "Novidades")
    whole, rest = (one.totals.filter(named).sort("horizon_days") for one in (before, after))
    handed = (whole["mean"] - rest["mean"]).to_numpy()
    assert (handed > 0).any()
    assert rest["p90"].to_numpy() == pytest.approx(np.maximum(whole["p90"].to_numpy() - handed, rest["mean"]))
    assert rest["p10"].to_numpy() == pytest.approx(np.maximum(whole["p10"].to_numpy() - handed, 0))
