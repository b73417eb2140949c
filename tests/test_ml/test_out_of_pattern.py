"""Sales that are too large for the shop they are in are held out of its forecast, and everything else stays."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from app.ml.demand import Demand, screened
from app.ml.predictor import Forecasts, predict
from app.ml.trainer import train
from tests.test_ml.shops import FIRST, corner_shop, shop

STAPLES = {f"S{place}": [10.0] * 60 for place in range(10)}  # the shop sells 100 on its median day


def held_out(demand: Demand) -> list[tuple[str, float]]:
    return screened(demand).held_out.select("sku", "quantity").rows()


def on(day: int, units: float, *, of: int = 60) -> list[float]:
    return [0.0] * day + [units] + [0.0] * (of - day - 1)


def company(forecasts: Forecasts) -> list[float]:
    return forecasts.totals.filter(pl.col("level") == "company").sort("horizon_days")["mean"].to_list()


def test_a_product_of_few_days_may_sell_as_much_as_the_shop_s_median_day_and_no_more() -> None:
    assert held_out(shop(STAPLES | {"X": on(30, 100)})) == []
    assert held_out(shop(STAPLES | {"X": on(30, 101)})) == [("X", 101)]


def test_four_selling_days_are_few_and_five_are_not() -> None:
    four, five = ([150.0] * days + [0.0] * (60 - days) for days in (4, 5))
    assert held_out(shop(STAPLES | {"X": four})) == [("X", 150)] * 4
    assert held_out(shop(STAPLES | {"X": five})) == []


def test_a_day_of_twenty_times_the_median_one_is_held_out_and_one_of_less_is_not() -> None:
    many = [8.0] * 60
    for units, expected in ((159.0, []), (160.0, [("X", 160)])):
        many[30] = units
        assert held_out(shop(STAPLES | {"X": many})) == expected


def test_a_product_that_is_the_whole_shop_is_held_to_its_own_days() -> None:
    days = [5.0, 4, 6] * 20
    days[30] = 90
    assert held_out(shop({"A": days})) == []
    days[30] = 100
    assert held_out(shop({"A": days})) == [("A", 100)]


def test_large_products_that_sell_often_are_no_mistakes_whatever_their_unit() -> None:
    grams = [float(units) for units in np.random.default_rng(1).integers(5_000, 20_000, 60)]
    assert held_out(shop(STAPLES | {"queijo em gramas": grams})) == []


@pytest.mark.parametrize("days", [1, 2, 3, 4])
def test_a_shop_of_few_days_loses_nothing(days: int) -> None:
    demand = shop({"A": [1.0] * (days - 1) + [500.0], "B": [2.0] * days, "C": [0.0] * (days - 1) + [90.0]})
    kept = screened(demand).demand.daily
    assert kept.height == demand.daily.height - len(held_out(demand))
    assert {"A", "B", "C"} == set(kept["sku"]) | {sku for sku, _ in held_out(demand)}
    assert all(units == 500 and days >= 3 for _, units in held_out(demand))


def test_sales_dated_by_the_month_are_not_emptied() -> None:
    months = {
        f"M{place}": [float(50 * place + 10) if day % 30 == 0 else 0.0 for day in range(120)] for place in range(8)
    }
    assert held_out(shop(months | {"only once": on(60, 5_000, of=120)})) == []


def test_a_shop_that_sells_every_piece_once_keeps_its_pieces() -> None:
    random = np.random.default_rng(2)
    pieces = {f"P{day:02d}": on(day, float(random.integers(1, 200))) for day in range(60)}
    assert held_out(shop(pieces)) == []


def test_a_mistake_in_an_old_history_is_found_among_many_days() -> None:
    demand = corner_shop(days=400)
    day = FIRST + timedelta(days=200)
    petrol = pl.DataFrame(
        {"sku": ["PETROL"], "date": [day], "quantity": [30_080.0], "revenue": [86.0], "returned": [0.0]}
    )
    with_petrol = Demand(pl.concat([demand.daily, petrol]), demand.products, demand.first, demand.last, demand.company)
    assert screened(with_petrol).held_out.rows() == [("PETROL", day, 30_080.0)]
    without, forecasts = (predict(train(one)) for one in (demand, with_petrol))
    assert company(forecasts) == company(without)
    assert forecasts.held_out.rows() == [("PETROL", day, 30_080.0)]
    assert forecasts.snapshot != without.snapshot
    row = forecasts.series.filter(pl.col("id") == "PETROL").row(0, named=True)
    assert row["reason"] == "a venda de 30080 un. em 19/07/2024 foge do padrão da loja e ficou fora da previsão"
    assert "left out of the forecast" in row["reason_en"]


def test_a_sale_from_before_the_days_looked_at_is_not_spoken_of() -> None:
    assert held_out(shop({"OLD": [500.0] + [0] * 1999, "A": [3.0] * 2000, "NEW": on(1990, 500, of=2000)})) == [
        ("NEW", 500)
    ]


def test_the_same_sales_in_another_order_are_held_out_alike() -> None:
    demand = shop(STAPLES | {"X": on(30, 500), "Y": on(20, 500), "Z": on(10, 700)})
    shuffled = Demand(
        demand.daily.sample(fraction=1, shuffle=True, seed=3), demand.products, demand.first, demand.last, ""
    )
    assert held_out(shuffled) == held_out(demand) == [("Z", 700), ("X", 500), ("Y", 500)]
