"""Weights that follow the evidence as far as it carries."""

import numpy as np
import pytest

from app.ml.ensemble import Moments, equal_by_family, moments, pooled_weights

EQUAL = np.full(3, 1 / 3)


def evidence(*, folds: int, rows: int = 400, seed: int = 1) -> Moments:
    """The first model is right but for a little noise, the second says half, the third says anything."""
    random = np.random.default_rng(seed)
    sold = random.gamma(2, 20, size=rows)
    said = np.stack([sold + random.normal(0, 1, rows), sold / 2, random.gamma(2, 20, size=rows)], axis=1)
    parts = [moments(said, sold) for _ in range(folds)]
    return sum(parts[1:], start=parts[0])


def test_the_better_model_is_trusted_the_more_folds_say_so() -> None:
    few, many = (pooled_weights(evidence(folds=folds), prior=EQUAL)[0] for folds in (1, 30))
    assert 1 / 3 < few < many
    assert many > 0.9


def test_weights_are_shares() -> None:
    for seed in range(5):
        weights = pooled_weights(evidence(folds=4, seed=seed), prior=EQUAL)
        assert weights.sum() == pytest.approx(1)
        assert (weights >= 0).all()


def test_without_evidence_the_prior_speaks() -> None:
    nothing = moments(np.zeros((0, 3)), np.zeros(0))
    assert pooled_weights(nothing, prior=EQUAL) == pytest.approx(EQUAL)


def test_a_giant_does_not_choose_for_the_others() -> None:
    said = np.array([[1.0, 2.0]] * 500 + [[2e6, 1e6]])
    sold = np.append(np.ones(500), 1e6)
    weights = pooled_weights(moments(said, sold), prior=np.array([0.5, 0.5]), prior_folds=0)
    assert weights[0] > 0.8  # the small five hundred are right about the first model, the giant about the second


def test_eight_smoothings_are_one_opinion() -> None:
    assert equal_by_family(["level"] * 4 + ["trend"]) == pytest.approx([1 / 8] * 4 + [1 / 2])
