"""A bandit whose true values are known: members with tastes of their own, logged by a policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from recsysops.experiments.off_policy.decisions import Decisions

CONTEXTS, ACTIONS = 3, 12


@dataclass(frozen=True)
class BanditWorld:
    """Mean reward per context and action (C, A), and two policies (C, A) of different tastes."""

    rewards: np.ndarray
    logging: np.ndarray
    target: np.ndarray

    @property
    def truth(self) -> float:
        """Mean reward of the target policy; contexts are equally likely."""
        return float((self.target * self.rewards).sum(axis=1).mean())

    @property
    def logged_truth(self) -> float:
        """Mean reward of the policy that logs."""
        return float((self.logging * self.rewards).sum(axis=1).mean())


def make_bandit_world(seed: int, *, level: float = 0.1, distance: float = 1.0) -> BanditWorld:
    """Draw a world; `distance` is how far the target's tastes are from the logging policy's."""
    rng = np.random.default_rng((7, seed))
    relevance = rng.normal(0.0, 0.5, size=(CONTEXTS, ACTIONS)) + rng.normal(0.0, 0.3, ACTIONS)
    logging = _softmax(rng.normal(0.0, 1.0, size=(CONTEXTS, ACTIONS)))
    shift = rng.normal(0.0, 1.0, size=(CONTEXTS, ACTIONS)) + 0.5 * relevance
    target = _softmax(np.log(logging) + distance * shift)
    return BanditWorld(np.clip(level * np.exp(relevance), 0.0, 0.95), logging, target)


def log_decisions(world: BanditWorld, *, count: int, seed: int, members: int = 300) -> Decisions:
    """Log decisions of members whose rewards go together; overall means stay the world's."""
    rng = np.random.default_rng((seed, count))
    member = rng.integers(0, members, size=count)
    eagerness = rng.choice([0.6, 1.4], size=members)[member]
    context = rng.integers(0, CONTEXTS, size=count)
    steps = world.logging.cumsum(axis=1)[context]
    action = (rng.random(count)[:, None] > steps).sum(axis=1).clip(max=ACTIONS - 1)
    chance = np.minimum(1.0, eagerness * world.rewards[context, action])
    _, cluster = np.unique(member, return_inverse=True)
    return Decisions(
        context=context,
        action=action,
        reward=(rng.random(count) < chance).astype(np.float64),
        propensity=world.logging[context, action],
        cluster=cluster,
    )


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
