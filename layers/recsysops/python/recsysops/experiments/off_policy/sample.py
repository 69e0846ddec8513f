"""What an estimator sees of each decision: reward, importance ratio, and a model's guesses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.experiments.intervals import Float64Array
from recsysops.experiments.off_policy.decisions import Decisions


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """n decisions on the way to an estimate; every field (n,).

    weight: how often the decision counts (1, or a bootstrap's multiplicity). ratio: probability
    under the new policy over the logged propensity. guess: the reward a model expects of the
    logged action; outlook: what it expects of the new policy in this context.
    """

    reward: Float64Array
    ratio: Float64Array
    guess: Float64Array
    outlook: Float64Array
    weight: Float64Array

    def mean(self, values: Float64Array) -> float:
        """Return the weighted mean of a quantity per decision, (n,)."""
        return float(self.weight @ values) / float(self.weight.sum())


def importance_ratios(decisions: Decisions, policy: Float64Array) -> Float64Array:
    """Return policy(action | context) / propensity of every decision, (n,).

    Args:
        decisions: logged, n of them.
        policy: probabilities of the new policy, (C, A).
    """
    wanted = policy[decisions.context, decisions.action]
    return np.asarray(wanted / decisions.propensity, dtype=np.float64)
