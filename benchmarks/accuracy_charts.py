"""A page of ten varied series: history, what then sold, our forecast and its range. Writes one PNG."""

import argparse
from datetime import timedelta
from pathlib import Path
from textwrap import fill

import matplotlib as mpl
import numpy as np
import polars as pl
from accuracy_sets import RESTAURANT, journey, restaurant, until

from app.domain.columns import DATE, ID, LEVEL, QUANTITY, SKU
from app.domain.forecasts import Level
from app.ml.demand import Demand, screened
from app.ml.predictor import Forecasts, predict
from app.ml.trainer import train

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

SHOWN = 240  # days of history
CUTOFF = 90
WEEK = 7
INK, OURS, TRUTH = "#334155", "#2563eb", "#94a3b8"


def main() -> None:
    """Draw the page."""
    options = _options()
    figure, axes = plt.subplots(5, 2, figsize=(15, 17), constrained_layout=True)
    panels = iter(axes.ravel())
    for name, demand in (("restaurant", restaurant(options.restaurant)), ("grocer", journey())):
        known = until(demand, days_before_end=CUTOFF)
        forecasts = predict(train(known))
        sold = screened(demand).demand  # what the forecaster would hold out is not drawn either
        for level, key in _varied(known, forecasts):
            _draw(next(panels), sold, forecasts, series=(level, key), shop=name)
    figure.suptitle(
        "Weekly units: history, what then sold (grey), our forecast, in the 80 % range of its 30-day total (blue)"
    )
    figure.savefig(options.out, dpi=80)
    print(options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--restaurant", type=Path, default=RESTAURANT)
    parser.add_argument("--out", type=Path, default=Path("forecasts.png"))
    return parser.parse_args()


def _varied(known: Demand, forecasts: Forecasts) -> list[tuple[Level, str]]:
    """The company, a large category, and products: the fastest, a middling, a slow one, one that stopped lately."""
    sold = known.daily.group_by(SKU).agg(pl.len().alias("days"), pl.col(DATE).max().alias("last"))
    by_days = sold.sort("days", SKU, descending=True)[SKU].to_list()
    lately = pl.col("last").is_between(known.last - timedelta(days=SHOWN), known.last - timedelta(days=60))
    stopped = sold.filter(lately).sort("days", SKU)[SKU].to_list()
    categories = forecasts.totals.filter(pl.col(LEVEL) == Level.CATEGORY.value).sort("mean")[ID].to_list()
    products = [by_days[0], by_days[len(by_days) // 50], by_days[len(by_days) // 8], stopped[-1]]
    aggregate = (Level.CATEGORY, categories[-1]) if len(set(categories)) > 1 else (Level.COMPANY, known.company)
    return [aggregate, *((Level.PRODUCT, sku) for sku in products)]


def _draw(panel: Axes, demand: Demand, forecasts: Forecasts, *, series: tuple[Level, str], shop: str) -> None:
    level, key = series
    sold = _daily(demand, level=level, key=key)
    start = len(sold) - CUTOFF - SHOWN
    weeks = sold[start : start + (SHOWN + CUTOFF) // WEEK * WEEK].reshape(-1, WEEK).sum(axis=1)
    past = SHOWN // WEEK
    panel.plot(np.arange(past), weeks[:past], color=INK, lw=1.2)
    panel.plot(np.arange(past - 1, len(weeks)), weeks[past - 1 :], color=TRUTH, lw=1.2)
    ahead = forecasts.forecast.filter(pl.col(LEVEL) == level.value, pl.col(ID) == key).sort(DATE)
    mean = ahead["mean"].to_numpy()[: CUTOFF // WEEK * WEEK].reshape(-1, WEEK).sum(axis=1)
    total = (
        forecasts.totals.filter(pl.col(LEVEL) == level.value, pl.col(ID) == key).sort("horizon_days").row(0, named=True)
    )
    spread = [total[name] / max(total["mean"], 1e-9) for name in ("p10", "p90")]
    place = np.arange(past, past + len(mean))
    panel.plot(place, mean, color=OURS, lw=2)
    panel.fill_between(place, mean * min(spread[0], 1), mean * max(spread[1], 1), color=OURS, alpha=0.18, lw=0)
    row = forecasts.series.filter(pl.col(LEVEL) == level.value, pl.col(ID) == key).row(0, named=True)
    actual = sold[len(sold) - CUTOFF :][:30].sum()
    numbers = f"{total['mean']:.0f} [{total['p10']:.0f}, {total['p90']:.0f}], sold {actual:.0f}"
    words = fill(f"{row['explanation']}; {row['reason']}", width=105)
    named = f"{shop}: {level.value} {key[:26]}  |  grade {row['grade']}  |  30 days: {numbers}"
    panel.set_title(f"{named}\n{words}", fontsize=9, loc="left")
    panel.axvline(past - 0.5, color=INK, lw=0.6, ls=":")
    panel.set_ylim(bottom=0)
    panel.spines[["top", "right"]].set_visible(False)


def _daily(demand: Demand, *, level: Level, key: str) -> np.ndarray:
    """Units a day of one series over the whole history."""
    rows = demand.daily
    if level is Level.PRODUCT:
        rows = rows.filter(pl.col(SKU) == key)
    if level is Level.CATEGORY:
        named = demand.products.filter(pl.col("categoria") == key)
        rows = rows.join(named.select(SKU), on=SKU, how="semi")
    days = (rows[DATE] - demand.first).dt.total_days().to_numpy()
    return np.bincount(days, rows[QUANTITY].to_numpy(), minlength=(demand.last - demand.first).days + 1)


if __name__ == "__main__":
    main()
