from __future__ import annotations

import numpy as np
import pytest
from recsysops.experiments.reward_model import (
    BEYOND_RANK,
    RewardModel,
    fit_reward_model,
    rank_features,
)
from scipy import optimize


def test_rank_nought_reads_as_below_every_shortlist() -> None:
    features = rank_features(np.array([1, 0, 500]), np.array([0, 2, 1]))
    assert features[:, 1].tolist() == pytest.approx([0, np.log(BEYOND_RANK), np.log(BEYOND_RANK)])
    assert features[:, 2].tolist() == pytest.approx([np.log(BEYOND_RANK), np.log(2), 0])


def test_the_fit_maximises_the_penalised_poisson_likelihood() -> None:
    rng = np.random.default_rng(2)
    features = rank_features(rng.integers(1, 80, 200), rng.integers(1, 80, 200))
    views = rng.uniform(1, 40, 200)
    clicks = rng.poisson(views * np.exp(-1.0 - 0.4 * features[:, 1] - 0.2 * features[:, 2]))

    def loss(b: np.ndarray) -> float:
        logs = features @ b
        likelihood = clicks @ logs - views @ np.exp(logs)
        return -likelihood + 5.0 * (b[1] ** 2 + b[2] ** 2)

    oracle = optimize.minimize(loss, np.array([-1.0, 0.0, 0.0]), method="BFGS").x
    found = fit_reward_model(features, views=views, clicks=clicks.astype(float))
    assert found.coefficients == pytest.approx(oracle, abs=2e-3)


def test_without_clicks_relevance_is_small_and_finite() -> None:
    features = rank_features(np.arange(1, 11), np.arange(1, 11))
    found = fit_reward_model(features, views=np.full(10, 5.0), clicks=np.zeros(10))
    guess = found.relevance(np.array([1, 50, 0]), np.array([1, 3, 0]))
    assert np.isfinite(guess).all()
    assert (guess < 0.05).all()


def test_a_guess_is_a_probability_in_the_shape_asked_for() -> None:
    wild = RewardModel(np.array([5.0, 0.0, 0.0]))
    assert (
        wild.relevance(np.ones((2, 3), dtype=int), np.ones((2, 3), dtype=int)).tolist()
        == [[1.0] * 3] * 2
    )
