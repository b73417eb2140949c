"""The boosted correction: learns where the average is wrong, from outcomes that share no day with what it tells."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.forecasts import BASELINE, HORIZONS
from app.ml.boosted import boosted_totals
from app.ml.evidence import Evidence

SERIES = 800
ORIGINS = np.arange(120, 481, 30)


def evidence(*, seed: int = 1) -> Evidence:
    """Two models that go on as before for products that have been silent for a month; these then sell a quarter."""
    random = np.random.default_rng(seed)
    shape = (len(ORIGINS), SERIES)
    since = np.where(random.random(shape) < 0.5, 40.0, 1.0)
    pace = random.gamma(2, 1, shape)[:, None, :] * np.array(HORIZONS)[:, None] / 10
    sold = random.poisson(pace * np.where(since > 28, 0.25, 1.0)[:, None, :]).astype(np.float64)
    for row, origin in enumerate(ORIGINS):
        sold[row, [origin + days > ORIGINS[-1] for days in HORIZONS]] = np.nan
    ones = np.ones(shape)
    facts = {"sales": 30 * ones, "age": 200 * ones, "since": since, "units": 60 * ones, "squares": 130 * ones}
    totals = {"ses": pace * 1.05, "tsb": pace * 0.95, BASELINE: pace * 9}
    return Evidence(ORIGINS, totals, np.zeros((len(ORIGINS), 7, SERIES)), sold, facts, np.ones((3, SERIES)))


def test_it_learns_what_the_average_gets_wrong() -> None:
    given = evidence()
    last = boosted_totals(given, threads=2)[-1]
    ratio = last / np.mean([given.totals["ses"][-1], given.totals["tsb"][-1]], axis=0)
    silent = given.facts["since"][-1] > 28
    assert np.median(ratio[:, silent]) == pytest.approx(0.25, abs=0.05)
    assert np.median(ratio[:, ~silent]) == pytest.approx(1, abs=0.06)


def test_an_origin_is_not_told_what_sold_on_its_own_days() -> None:
    given = evidence()
    row = 6
    near = [
        (other, column)
        for other in range(len(ORIGINS))
        for column, days in enumerate(HORIZONS)
        if ORIGINS[row] - days < ORIGINS[other] < ORIGINS[row] + max(HORIZONS)
    ]
    assert len(near) == 12  # its own three; 60 days of the origin before, 90 of the two before; all of the two after
    lied = given.sold.copy()
    for other, column in near:
        lied[other, column] = 1000.0
    honest, told = boosted_totals(given, threads=1), boosted_totals(replace(given, sold=lied), threads=1)
    assert np.array_equal(told[row], honest[row])
    assert not np.allclose(told[-1], honest[-1])


def test_without_an_outcome_the_average_speaks() -> None:
    given = evidence()
    blind = replace(given, sold=np.full_like(given.sold, np.nan))
    average = np.mean([given.totals["ses"], given.totals["tsb"]], axis=0)
    assert boosted_totals(blind, threads=1) == pytest.approx(average)


def test_threads_change_no_byte() -> None:
    given = evidence()
    assert np.array_equal(boosted_totals(given, threads=1), boosted_totals(given, threads=3))


def test_one_product_is_told_too() -> None:
    given = evidence()
    one = Evidence(
        given.origins,
        {name: said[..., :1] for name, said in given.totals.items()},
        given.weekdays[..., :1],
        given.sold[..., :1],
        {name: fact[..., :1] for name, fact in given.facts.items()},
        given.scale[..., :1],
    )
    said = boosted_totals(one, threads=1)
    assert np.isfinite(said).all()
    assert (said >= 0).all()
