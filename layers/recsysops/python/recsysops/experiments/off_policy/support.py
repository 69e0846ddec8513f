"""Whether a log can say anything about another policy: what it offers, and honest refusals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import (
    Float64Array,
    Interval,
    effective_sample_size,
    ratio_interval,
)
from recsysops.experiments.off_policy.decisions import Decisions

_NEARLY_CERTAIN = 0.9999


@dataclass(frozen=True, slots=True)
class SupportRules:
    """What a log must offer before a number is given.

    most_unsupported: share of the new policy's choices that the log never shows in their context.
    fewest_effective: decisions left in effect after weighting (Kish). fewest_rewards: the same of
    decisions with a reward: intervals know of rare rewards only what they saw.
    fewest_clusters: members, which are what the bootstrap draws. fewest_moved_rewards: rewarded
    decisions that the policy would make more often, and less often, before its gain is told: a
    bootstrap repeats what it saw, and of a sliver without rewards it would be sure.
    """

    most_unsupported: float = 0.05
    fewest_effective: float = 100.0
    fewest_rewards: float = 10.0
    fewest_clusters: int = 20
    fewest_moved_rewards: int = 5


@dataclass(frozen=True, slots=True)
class Support:
    """What a log offers for one policy, see SupportRules.

    mean_ratio: with an interval that nearly always holds 1 minus what is unsupported, when the
    propensities are right. largest_ratio: weight of the heaviest decision. moved_rewards: rewarded
    decisions among those made more often or among those made less often, the fewer of both; None
    when the policy makes all decisions as often as before.
    """

    decisions: int
    clusters: int
    unsupported: float
    effective_sample: float
    effective_rewards: float
    mean_ratio: Interval
    largest_ratio: float
    moved_rewards: int | None


def measure_support(decisions: Decisions, policy: Float64Array, ratio: Float64Array) -> Support:
    """Measure what the log offers for a policy (C, A), given the ratios (n,)."""
    sizes = np.bincount(decisions.cluster).astype(np.float64)
    sums = np.bincount(decisions.cluster, weights=ratio).astype(np.float64)
    return Support(
        decisions=len(decisions),
        clusters=int((sizes > 0.0).sum()),
        unsupported=unsupported_share(decisions, policy),
        effective_sample=effective_sample_size(ratio),
        effective_rewards=effective_sample_size(ratio * np.abs(decisions.reward)),
        mean_ratio=ratio_interval(sums, sizes, confidence=_NEARLY_CERTAIN),
        largest_ratio=float(ratio.max(initial=0.0)),
        moved_rewards=count_moved_rewards(decisions, ratio),
    )


def count_moved_rewards(decisions: Decisions, ratio: Float64Array) -> int | None:
    """Return the fewer of the rewarded decisions with a ratio above 1 and below 1.

    A side without any decision does not count; None when neither has one.
    """
    sides = [side for side in (ratio > 1.0, ratio < 1.0) if side.any()]
    return min((int((decisions.reward[side] != 0.0).sum()) for side in sides), default=None)


def unsupported_share(decisions: Decisions, policy: Float64Array) -> float:
    """Return the share of the new policy's choices that the log holds no example of, in [0, 1].

    Averaged over the logged contexts; a choice counts by context and action together.
    """
    seen = np.zeros(policy.shape, dtype=np.bool_)
    seen[decisions.context, decisions.action] = True
    missing = np.where(seen, 0.0, policy).sum(axis=1)
    return float(missing[decisions.context].mean())


def refuse_without_support(support: Support, rules: SupportRules) -> None:
    """Raise CouldNotJudge with the first reason why the log cannot carry an estimate."""
    if support.clusters < rules.fewest_clusters:
        _refuse(f"only {support.clusters} members are in the log ({rules.fewest_clusters} needed)")
    if support.unsupported > rules.most_unsupported:
        _refuse(
            f"{support.unsupported:.0%} of what the policy would choose was never chosen in the "
            f"log (at most {rules.most_unsupported:.0%} is allowed)"
        )
    if support.effective_sample < rules.fewest_effective:
        _refuse(
            f"weighting leaves {support.effective_sample:.0f} of {support.decisions} decisions in "
            f"effect ({rules.fewest_effective:.0f} needed)"
        )
    if support.effective_rewards < rules.fewest_rewards:
        _refuse(
            f"weighting leaves {support.effective_rewards:.1f} rewarded decisions in effect "
            f"({rules.fewest_rewards:.0f} needed)"
        )
    _refuse_wrong_propensities(support)


def _refuse_wrong_propensities(support: Support) -> None:
    """Refuse when the ratios do not average 1, as they must: propensities or support are wrong."""
    mean = support.mean_ratio
    if mean.low > 1.0 or mean.high < 1.0 - support.unsupported:
        _refuse(
            f"importance ratios average {mean.value:.2f} (sure to be from {mean.low:.2f} to "
            f"{mean.high:.2f}) where right propensities give 1"
        )


def _refuse(reason: str) -> None:
    raise CouldNotJudge(f"could not judge, because {reason}")
