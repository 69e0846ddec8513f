"""What another policy would have earned: every estimator beside the others, or an honest refusal.

Assumptions: propensities are those of the policy that logged; a reward depends on context and
action only, not on what else was chosen; clusters are independent. A wrong propensity biases all
but the direct method; the check that ratios average 1 finds only gross ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Literal

import numpy as np

from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import Float64Array, Interval
from recsysops.experiments.off_policy.bernstein import bernstein_interval
from recsysops.experiments.off_policy.cell_means import guess_rewards
from recsysops.experiments.off_policy.clipped_ips import clipped_terms, estimate_clipped_ips
from recsysops.experiments.off_policy.cluster_bootstrap import (
    draw_clusters_again,
    percentile_interval,
)
from recsysops.experiments.off_policy.decisions import Decisions, check_decisions, check_policy
from recsysops.experiments.off_policy.direct_method import estimate_directly
from recsysops.experiments.off_policy.doubly_robust import estimate_doubly_robust
from recsysops.experiments.off_policy.ips import estimate_ips, ips_terms
from recsysops.experiments.off_policy.sample import Sample, importance_ratios
from recsysops.experiments.off_policy.snips import estimate_snips
from recsysops.experiments.off_policy.support import (
    Support,
    SupportRules,
    measure_support,
    refuse_without_support,
)
from recsysops.experiments.off_policy.switch import estimate_switch

EstimatorName = Literal["ips", "clipped_ips", "snips", "dm", "dr", "switch_dr"]
IntervalMethod = Literal["bootstrap", "bernstein"]
Estimator = Callable[[Sample], float]

ROUNDS = 500


@dataclass(frozen=True, slots=True)
class PolicyEstimate:
    """One estimator's value of the new policy and its gain over the logged one.

    gain is None for an interval method that has none, and where too few of the decisions that the
    policy would make more or less often were rewarded.
    """

    estimator: EstimatorName
    value: Interval
    gain: Interval | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean reward per decision now and under the new policy, by every estimator.

    cap: above it a ratio is cut (clipped IPS) or left to the model (SWITCH). over_cap: share of
    the new policy's weight that this concerns.
    """

    now: Interval
    estimates: tuple[PolicyEstimate, ...]
    support: Support
    cap: float
    over_cap: float
    confidence: float
    interval_method: IntervalMethod


def evaluate_policy(
    decisions: Decisions,
    policy: Float64Array,
    *,
    rng: np.random.Generator,
    rules: SupportRules | None = None,
    cap: float | None = None,
    confidence: float = 0.9,
    rounds: int = ROUNDS,
) -> Evaluation:
    """Estimate the mean reward of a policy (C, A) from decisions another one made.

    Intervals are of a cluster bootstrap that fits the reward model again in every draw.

    Args:
        decisions: what was logged.
        policy: probabilities of each action in each context; rows sum to 1.
        rng: draws the bootstrap.
        rules: what the log must offer.
        cap: for clipped IPS and SWITCH; √n when None.
        confidence: two-sided level of every interval.
        rounds: bootstrap draws.

    Raises: BadInput for columns or a policy that are none; CouldNotJudge with the reason.
    """
    rules = rules or SupportRules()
    ratio, support, cap = _weigh(decisions, policy, rules, cap)
    tells_gain = (
        support.moved_rewards is None or support.moved_rewards >= rules.fewest_moved_rewards
    )
    estimators = make_estimators(cap)

    def estimate(weight: Float64Array) -> Float64Array:
        sample = make_sample(decisions, policy, ratio=ratio, weight=weight)
        values = [estimator(sample) for estimator in estimators.values()]
        return np.array([sample.mean(sample.reward), *values])

    points = estimate(np.ones(len(decisions)))
    draws = draw_clusters_again(estimate, decisions.cluster, rounds=rounds, rng=rng)
    interval = partial(percentile_interval, confidence=confidence)
    estimates = [
        PolicyEstimate(
            name,
            interval(float(points[at]), draws[:, at]),
            interval(float(points[at] - points[0]), draws[:, at] - draws[:, 0])
            if tells_gain
            else None,
        )
        for at, name in enumerate(estimators, start=1)
    ]
    return Evaluation(
        now=interval(float(points[0]), draws[:, 0]),
        estimates=tuple(estimates),
        support=support,
        cap=cap,
        over_cap=_share_over(ratio, cap),
        confidence=confidence,
        interval_method="bootstrap",
    )


def bound_policy(
    decisions: Decisions,
    policy: Float64Array,
    *,
    largest_ratio: float,
    largest_reward: float = 1.0,
    rules: SupportRules | None = None,
    cap: float | None = None,
    confidence: float = 0.9,
) -> Evaluation:
    """Bound the mean reward of a policy without trusting a large sample (empirical Bernstein).

    Only IPS and clipped IPS are means of terms with known bounds; rewards must be in
    [0, largest_reward] and no ratio may exceed `largest_ratio` under the logged policy.

    Raises: BadInput, CouldNotJudge as `evaluate_policy`.
    """
    ratio, support, cap = _weigh(decisions, policy, rules, cap)
    ones = np.ones(len(decisions))
    sample = Sample(decisions.reward, ratio, 0.0 * ones, 0.0 * ones, ones)
    bound = partial(bernstein_interval, cluster=decisions.cluster, confidence=confidence)
    ips = bound(ips_terms(sample), largest_term=largest_ratio * largest_reward)
    smaller = min(cap, largest_ratio) * largest_reward
    clipped = bound(clipped_terms(sample, cap=cap), largest_term=smaller)
    return Evaluation(
        now=bound(decisions.reward, largest_term=largest_reward),
        estimates=(
            PolicyEstimate("ips", ips, None),
            PolicyEstimate("clipped_ips", clipped, None),
        ),
        support=support,
        cap=cap,
        over_cap=_share_over(ratio, cap),
        confidence=confidence,
        interval_method="bernstein",
    )


def make_estimators(cap: float) -> dict[EstimatorName, Estimator]:
    """Return every estimator by name, in the order they are shown."""
    return {
        "ips": estimate_ips,
        "clipped_ips": partial(estimate_clipped_ips, cap=cap),
        "snips": estimate_snips,
        "dm": estimate_directly,
        "dr": estimate_doubly_robust,
        "switch_dr": partial(estimate_switch, cap=cap),
    }


def make_sample(
    decisions: Decisions, policy: Float64Array, *, ratio: Float64Array, weight: Float64Array
) -> Sample:
    """Return what the estimators see, with the reward model fitted to the weighted decisions."""
    guess, outlook = guess_rewards(decisions, policy, weight=weight)
    return Sample(decisions.reward, ratio, guess, outlook, weight)


def _weigh(
    decisions: Decisions, policy: Float64Array, rules: SupportRules | None, cap: float | None
) -> tuple[Float64Array, Support, float]:
    if not len(decisions):
        raise CouldNotJudge("could not judge, because the log holds no decision")
    check_decisions(decisions)
    check_policy(policy, decisions)
    ratio = importance_ratios(decisions, policy)
    support = measure_support(decisions, policy, ratio)
    refuse_without_support(support, rules or SupportRules())
    return ratio, support, sqrt(len(decisions)) if cap is None else cap


def _share_over(ratio: Float64Array, cap: float) -> float:
    total = float(ratio.sum())
    return float(ratio[ratio > cap].sum()) / total if total > 0.0 else 0.0
