"""A reward model without features: mean reward per context and action, shrunk and cross-fitted.

Cross-fitting: the guess about a decision comes from clusters of other folds, so that no decision
is predicted by its own reward (Narita, Yasui and Yata, "Debiased off-policy evaluation for
recommendation systems", RecSys 2021).
"""

from __future__ import annotations

import numpy as np

from recsysops.experiments.intervals import Float64Array
from recsysops.experiments.off_policy.decisions import Decisions, IntArray

FOLDS = 3
PRIOR_COUNT = 50.0
"""A cell's mean counts half at so many decisions; the other half is context + action - overall."""


def guess_rewards(
    decisions: Decisions, policy: Float64Array, *, weight: Float64Array, folds: int = FOLDS
) -> tuple[Float64Array, Float64Array]:
    """Return the cross-fitted guess of each logged action and the outlook of the policy, (n,) each.

    Args:
        decisions: logged, n of them; clusters are dealt to folds as cluster modulo folds.
        policy: probabilities of the new policy, (C, A).
        weight: multiplicity of each decision, (n,).
        folds: at least 2.
    """
    contexts, actions = policy.shape
    cell = decisions.context * actions + decisions.action
    guess, outlook = np.empty(len(decisions)), np.empty(len(decisions))
    fold = decisions.cluster % folds
    for number in range(folds):
        inside = fold == number
        views, rewards = _cell_sums(cell, decisions.reward, np.where(inside, 0.0, weight),
                                    size=contexts * actions)  # fmt: skip
        means = shrink_cells(views.reshape(contexts, -1), rewards.reshape(contexts, -1))
        guess[inside] = means.ravel()[cell[inside]]
        outlook[inside] = (policy * means).sum(axis=1)[decisions.context[inside]]
    return guess, outlook


def shrink_cells(
    views: Float64Array, rewards: Float64Array, *, prior_count: float = PRIOR_COUNT
) -> Float64Array:
    """Return shrunk mean rewards per cell, (C, A), from sums of weights and of rewards, (C, A).

    A cell leans on context + action - overall, an action on the overall mean; what was never seen
    is the overall mean.
    """
    total = float(views.sum())
    overall = float(rewards.sum()) / total if total > 0.0 else 0.0
    by_context = _shrink(views.sum(axis=1), rewards.sum(axis=1), overall, prior_count)
    by_action = _shrink(views.sum(axis=0), rewards.sum(axis=0), overall, prior_count)
    expected = by_context[:, None] + by_action[None, :] - overall
    return _shrink(views, rewards, expected, prior_count)


def _shrink(
    views: Float64Array, rewards: Float64Array, towards: Float64Array | float, count: float
) -> Float64Array:
    return np.asarray((rewards + count * towards) / (views + count), dtype=np.float64)


def _cell_sums(
    cell: IntArray, reward: Float64Array, weight: Float64Array, *, size: int
) -> tuple[Float64Array, Float64Array]:
    views = np.bincount(cell, weights=weight, minlength=size)
    rewards = np.bincount(cell, weights=weight * reward, minlength=size)
    return views.astype(np.float64), rewards.astype(np.float64)
