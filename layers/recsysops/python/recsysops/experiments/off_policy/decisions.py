"""Logged decisions as arrays: in which context what was chosen, how likely, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import BadInput
from recsysops.experiments.intervals import Float64Array

IntArray = NDArray[np.intp]
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """n logged decisions of one policy.

    context: 0..C-1, what the policy knew (a slot, a segment), (n,). action: 0..A-1, what it
    chose, (n,). reward: any finite number, (n,). propensity: probability in (0, 1] with which it
    chose this action in this context at that moment, (n,). cluster: 0..c-1, decisions that go
    together (of one member), (n,).
    """

    context: IntArray
    action: IntArray
    reward: Float64Array
    propensity: Float64Array
    cluster: IntArray

    def __len__(self) -> int:
        """Return how many decisions were logged."""
        return len(self.reward)


def check_decisions(decisions: Decisions) -> None:
    """Refuse a log that no estimate can use.

    Raises: BadInput for columns of different length, a propensity outside (0, 1] or a reward that
        is no finite number.
    """
    columns = (decisions.context, decisions.action, decisions.propensity, decisions.cluster)
    if any(len(column) != len(decisions) for column in columns):
        raise BadInput("columns of logged decisions have different lengths")
    wrong = ~((decisions.propensity > 0.0) & (decisions.propensity <= 1.0))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise BadInput(f"propensity {decisions.propensity[at]} of decision {at} is not in (0, 1]")
    if not np.isfinite(decisions.reward).all():
        at = int(np.flatnonzero(~np.isfinite(decisions.reward))[0])
        raise BadInput(f"reward {decisions.reward[at]} of decision {at} is not a finite number")


def check_policy(policy: Float64Array, decisions: Decisions) -> None:
    """Refuse a policy (C, A) that is none, or does not know a logged context or action.

    Raises: BadInput.
    """
    if policy.ndim != 2 or not (policy >= 0.0).all():
        raise BadInput("a policy is a table of probabilities >= 0, contexts × actions")
    sums = policy.sum(axis=1)
    if np.abs(sums - 1.0).max(initial=0.0) > _ROUNDING:
        at = int(np.abs(sums - 1.0).argmax())
        raise BadInput(
            f"the policy's probabilities in context {at} add up to {sums[at]:.6f}, not 1"
        )
    needed = (int(decisions.context.max(initial=-1)), int(decisions.action.max(initial=-1)))
    lowest = min(int(decisions.context.min(initial=0)), int(decisions.action.min(initial=0)))
    if needed[0] >= policy.shape[0] or needed[1] >= policy.shape[1] or lowest < 0:
        raise BadInput(f"the policy covers {policy.shape}, the log needs more (up to {needed})")
