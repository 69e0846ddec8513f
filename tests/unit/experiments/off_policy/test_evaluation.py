"""Whole evaluations: known truth, refusals with their reason, and logs that are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.errors import BadInput, CouldNotJudge
from recsysops.experiments.off_policy.decisions import Decisions
from recsysops.experiments.off_policy.evaluation import (
    Evaluation,
    bound_policy,
    evaluate_policy,
)
from recsysops.experiments.off_policy.support import SupportRules, unsupported_share

from tests.fakes.bandit_world import ACTIONS, log_decisions, make_bandit_world

WORLD = make_bandit_world(11)
LOG = log_decisions(WORLD, count=1_500, seed=11)


def evaluate(decisions: Decisions = LOG, policy: np.ndarray = WORLD.target) -> Evaluation:
    return evaluate_policy(decisions, policy, rng=np.random.default_rng(0), rounds=30)


def test_every_estimator_stands_beside_the_others_with_value_and_gain() -> None:
    found = evaluate()
    assert [one.estimator for one in found.estimates] == [
        "ips", "clipped_ips", "snips", "dm", "dr", "switch_dr",
    ]  # fmt: skip
    assert found.now.value == pytest.approx(LOG.reward.mean())
    for one in found.estimates:
        assert one.gain is not None
        assert one.gain.value == pytest.approx(one.value.value - found.now.value)
        assert one.value.low <= one.value.value <= one.value.high
        assert one.value.value == pytest.approx(WORLD.truth, abs=0.05)


def test_the_same_seed_gives_the_same_intervals() -> None:
    assert evaluate() == evaluate()


def test_the_logged_policy_has_no_gain_over_itself() -> None:
    found = evaluate(policy=WORLD.logging)
    gains = {one.estimator: one.gain for one in found.estimates}
    for name in ("ips", "snips"):
        assert gains[name] is not None
        assert gains[name].value == pytest.approx(0.0, abs=1e-12)
        assert gains[name].high - gains[name].low == pytest.approx(0.0, abs=1e-12)
    assert found.support.moved_rewards is None


def test_a_gain_that_hangs_on_a_sliver_without_rewards_is_not_told() -> None:
    sliver = (LOG.action == 7) & (LOG.reward > 0.0)
    poor = replace(LOG, reward=np.where(sliver, 0.0, LOG.reward))
    without = WORLD.logging.copy()
    without[:, 7] = 0.0
    without /= without.sum(axis=1, keepdims=True)
    found = evaluate(poor, without)
    assert found.support.moved_rewards == 0
    assert {one.gain for one in found.estimates} == {None}
    rich = evaluate(replace(LOG, reward=np.where(LOG.action == 7, 1.0, LOG.reward)), without)
    assert rich.support.moved_rewards == (LOG.action == 7).sum() > 5
    assert all(one.gain is not None and one.gain.high < 0.0 for one in rich.estimates)


def refusal(decisions: Decisions, policy: np.ndarray) -> str:
    with pytest.raises(CouldNotJudge) as caught:
        evaluate(decisions, policy)
    return str(caught.value)


def test_what_the_log_never_chose_is_refused_as_unsupported() -> None:
    kept = LOG.action != 3
    blind = Decisions(
        LOG.context[kept], LOG.action[kept], LOG.reward[kept], LOG.propensity[kept],
        np.unique(LOG.cluster[kept], return_inverse=True)[1],
    )  # fmt: skip
    only_three = np.zeros_like(WORLD.target)
    only_three[:, 3] = 1.0
    assert unsupported_share(blind, only_three) == 1.0
    assert "100% of what the policy would choose was never chosen" in refusal(blind, only_three)


def test_a_handful_of_heavy_decisions_is_refused_with_what_is_left_in_effect() -> None:
    rare = np.where(np.arange(len(LOG)) % 500 == 0, 1e-5, 0.9)
    assert "in effect (100 needed)" in refusal(replace(LOG, propensity=rare), WORLD.target)


def test_too_few_rewards_are_refused() -> None:
    poor = replace(LOG, reward=np.where(np.arange(len(LOG)) < 300, LOG.reward, 0.0))
    few = replace(poor, reward=np.where(poor.reward.cumsum() <= 5, poor.reward, 0.0))
    assert "rewarded decisions in effect (10 needed)" in refusal(few, WORLD.target)


def test_a_log_without_any_reward_is_refused() -> None:
    assert "0.0 rewarded" in refusal(replace(LOG, reward=np.zeros(len(LOG))), WORLD.target)


def test_few_members_are_refused_however_many_rows_they_have() -> None:
    assert "only 5 members" in refusal(replace(LOG, cluster=LOG.cluster % 5), WORLD.target)


def test_propensities_that_are_wrong_by_a_factor_are_noticed() -> None:
    wrong = replace(LOG, propensity=np.minimum(1.0, 2.0 * LOG.propensity))
    assert "importance ratios average 0.5" in refusal(wrong, WORLD.target)


def test_an_empty_log_is_refused() -> None:
    nothing = np.array([], dtype=np.intp)
    none = np.array([], dtype=np.float64)
    assert "no decision" in refusal(Decisions(nothing, nothing, none, none, nothing), WORLD.target)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": np.zeros(len(LOG))}, r"propensity 0.0 of decision 0"),
        ({"propensity": np.full(len(LOG), np.nan)}, "is not in"),
        ({"reward": np.full(len(LOG), np.inf)}, "reward inf of decision 0"),
        ({"reward": np.zeros(3)}, "different lengths"),
        ({"action": LOG.action + ACTIONS}, "the log needs more"),
        ({"context": LOG.context - 1}, "the log needs more"),
    ],
)
def test_a_log_that_is_none_is_one_clear_line(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        evaluate(replace(LOG, **change))


@pytest.mark.parametrize("policy", [2.0 * WORLD.target, -WORLD.target, WORLD.target[0]])
def test_a_policy_that_is_none_is_refused(policy: np.ndarray) -> None:
    with pytest.raises(BadInput, match="probabilities"):
        evaluate(policy=policy)


def test_bernstein_bounds_hold_the_bootstraps_and_name_only_what_they_can_bound() -> None:
    largest = float((WORLD.target / WORLD.logging).max())
    bound = bound_policy(LOG, WORLD.target, largest_ratio=largest)
    ips = evaluate().estimates[0]
    assert [one.estimator for one in bound.estimates] == ["ips", "clipped_ips"]
    assert bound.estimates[0].value.value == pytest.approx(ips.value.value)
    assert bound.estimates[0].value.low <= ips.value.low
    assert bound.estimates[0].value.high >= ips.value.high
    assert bound.estimates[0].gain is None


def test_rules_can_be_stricter() -> None:
    with pytest.raises(CouldNotJudge, match="100000 needed"):
        evaluate_policy(
            LOG, WORLD.target, rng=np.random.default_rng(0),
            rules=SupportRules(fewest_effective=100_000.0),
        )  # fmt: skip
