"""A simple model of relevance from ranks, used where an estimate needs a guess to lean on.

E[click] = examination(slot) · exp(b · f), f = (1, log new rank, log old rank): a Poisson
regression with the examination as offset, regularised towards a constant. It serves as the
regression of a doubly robust estimate: wrong, it costs width, not validity; where the log has no
support at all it is the only guess, and the interval is widened by a bound instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.experiments.intervals import Float64Array
from recsysops.experiments.slate_log import IntArray

BEYOND_RANK = 101
"""Rank given to an item below every shortlist."""
_RIDGE = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class RewardModel:
    """Coefficients of the constant, log new rank and log old rank, (3,)."""

    coefficients: Float64Array

    def relevance(self, new_rank: IntArray, old_rank: IntArray) -> Float64Array:
        """Return the guessed P(click | examined), any shape; rank 0 means below the shortlist."""
        logs = rank_features(new_rank.ravel(), old_rank.ravel()) @ self.coefficients
        return np.minimum(1.0, np.exp(logs)).reshape(new_rank.shape)


def rank_features(new_rank: IntArray, old_rank: IntArray) -> Float64Array:
    """Return features of items by their ranks, (n, 3)."""
    new = np.log(np.where(new_rank > 0, np.minimum(new_rank, BEYOND_RANK), BEYOND_RANK))
    old = np.log(np.where(old_rank > 0, np.minimum(old_rank, BEYOND_RANK), BEYOND_RANK))
    return np.column_stack([np.ones(len(new)), new, old])


def fit_reward_model(
    features: Float64Array, *, views: Float64Array, clicks: Float64Array
) -> RewardModel:
    """Fit a penalised Poisson regression by Newton's method.

    Args:
        features: (n, 3), see `rank_features`.
        views: Σ weight · examination behind each row, (n,): the exposure offset.
        clicks: Σ weight · click behind each row, (n,).
    """
    total = float(clicks.sum())
    level = np.log(max(total, 0.5) / max(float(views.sum()), 1e-12))
    coefficients = np.array([level, 0.0, 0.0])
    penalty = np.diag([0.0, _RIDGE, _RIDGE])
    for _ in range(30):
        expected = views * np.exp(np.clip(features @ coefficients, -30.0, 5.0))
        slope = features.T @ (clicks - expected) - penalty @ coefficients
        curvature = (features * expected[:, None]).T @ features + penalty + 1e-9 * np.eye(3)
        step = np.linalg.solve(curvature, slope)
        coefficients = coefficients + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-9:
            break
    return RewardModel(coefficients)
