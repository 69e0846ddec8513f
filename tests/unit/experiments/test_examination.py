from __future__ import annotations

import numpy as np
import pytest
from recsysops.experiments.examination import (
    PRIOR_DECAY,
    PRIOR_SPREAD,
    estimate_examination,
    power_curve,
)
from scipy import optimize


def draw_slots(rng: np.random.Generator, decay: float, count: int, limit: int) -> np.ndarray:
    curve = power_curve(decay, limit)
    return rng.choice(limit, size=count, p=curve / curve.sum()) + 1


def test_without_clicks_the_prior_speaks() -> None:
    none = np.array([], dtype=np.intp)
    found = estimate_examination(none, none)
    assert found.decay == pytest.approx(PRIOR_DECAY)
    assert found.standard_error == pytest.approx(PRIOR_SPREAD)
    assert found.click_count == 0


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.2])
def test_many_clicks_recover_the_true_decay(decay: float) -> None:
    slots = draw_slots(np.random.default_rng(3), decay, 20_000, 10)
    found = estimate_examination(slots, np.full(20_000, 10))
    assert abs(found.decay - decay) < 4 * found.standard_error
    assert found.standard_error < 0.02


def test_slates_of_different_lengths_are_each_judged_by_their_own() -> None:
    rng = np.random.default_rng(4)
    slots = np.concatenate([draw_slots(rng, 0.8, 4_000, 5), draw_slots(rng, 0.8, 4_000, 20)])
    found = estimate_examination(slots, np.repeat([5, 20], 4_000))
    assert abs(found.decay - 0.8) < 4 * found.standard_error


def test_the_estimate_maximises_the_penalised_likelihood() -> None:
    slots = np.array([1, 1, 2, 3, 10])

    def loss(decay: float) -> float:
        curve = power_curve(decay, 10)
        likelihood = np.log(curve[slots - 1] / curve.sum()).sum()
        return -likelihood + (decay - PRIOR_DECAY) ** 2 / (2 * PRIOR_SPREAD**2)

    oracle = optimize.minimize_scalar(loss, bounds=(-2, 4), method="bounded").x
    assert estimate_examination(slots, np.full(5, 10)).decay == pytest.approx(oracle, abs=1e-4)


def test_the_standard_error_is_that_of_repeated_samples() -> None:
    rng = np.random.default_rng(5)
    found = [
        estimate_examination(draw_slots(rng, 0.7, 100, 10), np.full(100, 10)) for _ in range(300)
    ]
    spread = np.std([one.decay for one in found])
    # the prior pulls estimates together a little
    assert 0.8 < spread / np.mean([one.standard_error for one in found]) < 1.1


def test_a_steeper_curve_falls_faster_and_starts_at_one() -> None:
    found = estimate_examination(np.array([1, 2]), np.array([10, 10]))
    steep, flat = found.moved(1.0).curve(10), found.moved(-1.0).curve(10)
    assert steep[0] == flat[0] == 1.0
    assert (steep[1:] < flat[1:]).all()
