"""Estimators against hand-computed cases, their properties, and the Open Bandit Pipeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.experiments.off_policy.clipped_ips import estimate_clipped_ips
from recsysops.experiments.off_policy.direct_method import estimate_directly
from recsysops.experiments.off_policy.doubly_robust import estimate_doubly_robust
from recsysops.experiments.off_policy.evaluation import make_estimators
from recsysops.experiments.off_policy.ips import estimate_ips
from recsysops.experiments.off_policy.sample import Sample
from recsysops.experiments.off_policy.snips import estimate_snips
from recsysops.experiments.off_policy.switch import estimate_switch

SIZE = 6
FEW = settings(max_examples=25)


def draw_sample(seed: int) -> Sample:
    """Rewards of any sign, ratios over three orders of magnitude; drawn here to stay fast."""
    rng = np.random.default_rng(seed)
    return Sample(
        reward=rng.uniform(-2.0, 3.0, SIZE),
        ratio=np.exp(rng.uniform(-3.0, 4.0, SIZE)),
        guess=rng.uniform(-2.0, 3.0, SIZE),
        outlook=rng.uniform(-2.0, 3.0, SIZE),
        weight=rng.uniform(0.5, 3.0, SIZE),
    )


SAMPLES = st.builds(draw_sample, st.integers(0, 2**32 - 1))
LARGEST_RATIO = 60.0

BY_HAND = Sample(
    reward=np.array([1.0, 0.0, 2.0, 1.0]),
    ratio=np.array([0.5, 2.0, 0.0, 4.0]),
    guess=np.array([0.5, 0.5, 1.0, 0.5]),
    outlook=np.array([0.6, 0.4, 0.6, 0.4]),
    weight=np.ones(4),
)


def test_four_decisions_by_hand() -> None:
    found = {name: estimate(BY_HAND) for name, estimate in make_estimators(2.0).items()}
    assert found == pytest.approx(
        {
            "ips": (0.5 + 0.0 + 0.0 + 4.0) / 4,
            "clipped_ips": (0.5 + 0.0 + 0.0 + 2.0) / 4,
            "snips": 4.5 / 6.5,
            "dm": 2.0 / 4,
            "dr": (2.0 + 0.5 * 0.5 - 2.0 * 0.5 + 4.0 * 0.5) / 4,
            "switch_dr": (2.0 + 0.5 * 0.5 - 2.0 * 0.5) / 4,
        }
    )


@FEW
@given(SAMPLES)
def test_a_weight_of_two_is_the_decision_twice(sample: Sample) -> None:
    doubled = replace(sample, weight=np.where(np.arange(SIZE) < 2, 2.0, 1.0))
    rows = [0, 0, 1, 1, 2, 3, 4, 5]
    repeated = Sample(
        sample.reward[rows], sample.ratio[rows], sample.guess[rows], sample.outlook[rows],
        np.ones(8),
    )  # fmt: skip
    for estimate in make_estimators(5.0).values():
        assert estimate(doubled) == pytest.approx(estimate(repeated), abs=1e-9)


@FEW
@given(SAMPLES)
def test_snips_stays_in_the_range_of_the_rewards(sample: Sample) -> None:
    assert sample.reward.min() - 1e-9 <= estimate_snips(sample) <= sample.reward.max() + 1e-9


@FEW
@given(SAMPLES, st.floats(0.1, 10.0))
def test_snips_does_not_mind_propensities_wrong_by_one_factor(sample: Sample, by: float) -> None:
    scaled = replace(sample, ratio=by * sample.ratio)
    assert estimate_snips(scaled) == pytest.approx(estimate_snips(sample), abs=1e-9)


@FEW
@given(SAMPLES, st.floats(-5.0, 5.0))
def test_snips_moves_with_its_rewards(sample: Sample, by: float) -> None:
    moved = replace(sample, reward=sample.reward + by)
    assert estimate_snips(moved) == pytest.approx(estimate_snips(sample) + by, abs=1e-9)


@FEW
@given(SAMPLES)
def test_the_logged_policy_is_worth_the_mean_reward(sample: Sample) -> None:
    same = replace(sample, ratio=np.ones(SIZE), outlook=sample.guess)
    for name, estimate in make_estimators(5.0).items():
        if name != "dm":
            assert estimate(same) == pytest.approx(same.mean(same.reward), abs=1e-9)


@FEW
@given(SAMPLES)
def test_an_exact_model_leaves_doubly_robust_nothing_to_correct(sample: Sample) -> None:
    exact = replace(sample, guess=sample.reward)
    assert estimate_doubly_robust(exact) == pytest.approx(estimate_directly(exact), abs=1e-9)


@FEW
@given(SAMPLES)
def test_a_model_that_says_nothing_leaves_ips(sample: Sample) -> None:
    silent = replace(sample, guess=np.zeros(SIZE), outlook=np.zeros(SIZE))
    assert estimate_doubly_robust(silent) == pytest.approx(estimate_ips(silent), abs=1e-9)


@FEW
@given(SAMPLES)
def test_switch_lies_between_the_direct_method_and_doubly_robust(sample: Sample) -> None:
    assert estimate_switch(sample, cap=0.0) == estimate_directly(sample)
    assert estimate_switch(sample, cap=LARGEST_RATIO) == pytest.approx(
        estimate_doubly_robust(sample)
    )


@FEW
@given(SAMPLES, st.floats(0.0, 50.0))
def test_clipping_only_takes_away_from_rewards(sample: Sample, cap: float) -> None:
    earned = replace(sample, reward=np.abs(sample.reward))
    assert estimate_clipped_ips(earned, cap=cap) <= estimate_ips(earned) + 1e-9
    assert estimate_clipped_ips(earned, cap=LARGEST_RATIO) == pytest.approx(estimate_ips(earned))


def test_ratios_of_zero_give_zero_not_nan() -> None:
    nothing = replace(BY_HAND, ratio=np.zeros(4))
    assert (estimate_ips(nothing), estimate_snips(nothing)) == (0.0, 0.0)


def arithmetic_sample() -> Sample:
    """Two hundred decisions by arithmetic alone, so that any library can be given the same."""
    at = np.arange(200)
    context, action = at % 3, (7 * at + at // 5) % 12
    logging, target = policies()
    guess = 0.1 + 0.05 * np.sin(np.arange(36)).reshape(3, 12)
    return Sample(
        reward=((at * at + 3 * at) % 7 < 2).astype(np.float64),
        ratio=target[context, action] / logging[context, action],
        guess=guess[context, action],
        outlook=(target * guess).sum(axis=1)[context],
        weight=np.ones(200),
    )


def policies() -> tuple[np.ndarray, np.ndarray]:
    cells = np.arange(36, dtype=np.float64).reshape(3, 12)
    logging, target = 1.5 + np.cos(cells), 1.05 + np.sin(2.0 * cells)
    return tuple(table / table.sum(axis=1, keepdims=True) for table in (logging, target))


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("ips", 0.32333875672440143),
        ("clipped_ips", 0.25732383535930475),
        ("snips", 0.2901383751342142),
        ("dm", 0.10169305554085917),
        ("dr", 0.30909558509201385),
        ("switch_dr", 0.2005805238412096),
    ],
)
def test_values_are_those_of_the_open_bandit_pipeline(name: str, theirs: float) -> None:
    """obp 0.5.7 asks for Python < 3.10: its answers were taken once and stand here."""
    ours = make_estimators(2.0)[name](arithmetic_sample())  # type: ignore[index]
    assert ours == pytest.approx(theirs, rel=1e-12)
