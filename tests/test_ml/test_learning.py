"""A fold is judged only by what the others taught; a class is served by its mean where that did better."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.forecasts import BASELINE
from app.ml.evidence import Evidence, by_family
from app.ml.fading import fading, levelling, silence
from app.ml.learning import PLAIN, learn

FOLDS, SERIES = 5, 200
POOLS = np.zeros((FOLDS, SERIES), np.int64)


def evidence(*, right: str, seed: int = 1) -> Evidence:
    """Three models, of which one says what then sells but for noise, and the last origin still lies ahead."""
    random = np.random.default_rng(seed)
    sold = np.cumsum(random.gamma(3, 10, (FOLDS, 3, SERIES)), axis=1)
    totals = {name: sold * random.lognormal(0.3, 0.6, sold.shape) for name in (PLAIN, "ses", BASELINE)}
    totals[right] = sold * random.lognormal(0, 0.02, sold.shape)
    facts = {"sales": np.ones((FOLDS, SERIES))}
    known = sold.copy()
    known[-1] = np.nan
    return Evidence(np.arange(FOLDS), totals, np.zeros((FOLDS, 7, SERIES)), known, facts, np.ones((3, SERIES)))


def test_the_model_that_was_right_leads() -> None:
    learned = learn(evidence(right="ses"), pools=POOLS, n_pools=1, gate=True)
    weights = dict(zip(learned.models, learned.weights[0], strict=True))
    assert weights["ses"] > 0.6
    assert not learned.gated.any()
    assert BASELINE not in learned.models


def test_a_class_whose_mean_did_better_is_served_by_it() -> None:
    given = evidence(right=PLAIN)
    learned = learn(given, pools=POOLS, n_pools=1, gate=True)
    assert learned.gated.tolist() == [True]
    assert learned.served[-1] == pytest.approx(np.maximum.accumulate(given.totals[PLAIN][-1]))


def test_without_a_gate_the_ensemble_is_served() -> None:
    assert not learn(evidence(right=PLAIN), pools=POOLS, n_pools=1, gate=False).gated.any()


def test_a_family_speaks_as_one_and_may_abstain_at_first() -> None:
    given = evidence(right="ses")
    late = given.totals["ses"].copy()
    late[:2] = np.nan
    families = by_family(
        replace(given, totals=dict(given.totals) | {"late": late}), {"both": (PLAIN, "ses"), "late": ("late",)}
    )
    learned = learn(families, pools=POOLS, n_pools=1, gate=False)
    assert learned.models == ("both", "late")
    assert learned.served[0] == pytest.approx(np.maximum.accumulate(families.totals["both"][0]))
    assert learned.weights[0, 1] > 0.6


def test_what_a_fold_sold_never_touches_how_it_is_judged() -> None:
    given = evidence(right="ses")
    other = given.sold.copy()
    other[2] *= 50
    one, two = (learn(replace(given, sold=sold), pools=POOLS, n_pools=1, gate=False) for sold in (given.sold, other))
    assert np.array_equal(one.served[2], two.served[2])
    assert not np.array_equal(one.served[1], two.served[1])


def test_totals_never_fall_from_one_horizon_to_the_next() -> None:
    learned = learn(evidence(right="ses"), pools=POOLS, n_pools=1, gate=True)
    assert (np.diff(learned.served, axis=1) >= 0).all()


def test_ranges_cover_what_folds_left_out_sold() -> None:
    given = evidence(right="ses")
    learned = learn(given, pools=POOLS, n_pools=1, gate=True)
    low, _, high = learned.ranges[:, :-1]
    sold = given.sold[:-1]
    assert 0.74 <= ((sold >= low) & (sold <= high)).mean() <= 0.86


def test_what_is_wrong_in_every_fold_alike_is_levelled_and_chance_is_not() -> None:
    random = np.random.default_rng(2)
    said = np.full((6, 3, 400), 10.0)
    groups = np.tile(np.arange(400) % 2, (6, 1))
    fades = np.where(groups == 0, 0.6, 1.0)[:, None] * random.lognormal(0, 0.02, (6, 1, 1))
    factors = levelling(random.poisson(said * fades).astype(np.float64), said, groups=groups)
    assert factors[:, :, 0] == pytest.approx(np.full((6, 3), 0.6), abs=0.05)
    assert factors[:, :, 1] == pytest.approx(np.ones((6, 3)), abs=0.03)


def test_silence_is_never_a_reason_to_expect_more() -> None:
    said = np.full((6, 3, 100), 10.0)
    assert (fading(said * 3, said, groups=np.zeros((6, 100), np.int64)) == 1).all()


def test_silence_is_counted_in_sales_missed() -> None:
    facts = {
        "sales": np.array([100.0, 100.0, 5.0]),
        "age": np.array([100.0, 100.0, 100.0]),
        "since": np.array([1.0, 30.0, 30.0]),
    }
    assert silence(facts).tolist() == [0, 2, 0]
