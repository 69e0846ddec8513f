"""How likely a slot is looked at, estimated from the slots that were filled at random.

Assumption (declared): a member clicks with probability examination(slot) · relevance(item), and
examination falls as slot^-η. Among clicks on EXPLORED slots the slot was drawn uniformly and
independently of the item, so P(slot | click) = slot^-η / Σ slot^-η whatever the relevance: η is
estimated without any model of relevance. When the true curve is no power law, η is the closest
one and estimates lean on slots as far as it misses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from recsysops.experiments.intervals import Float64Array

PRIOR_DECAY = 0.7
PRIOR_SPREAD = 0.5
"""A weak normal prior over η: it is worth about 10 clicks and keeps η finite with none."""


@dataclass(frozen=True, slots=True)
class Examination:
    """The decay η of examination, its standard error, and the explored clicks behind it."""

    decay: float
    standard_error: float
    click_count: int

    def curve(self, limit: int) -> Float64Array:
        """Return examination of slots 1..limit relative to slot 1, (limit,)."""
        return power_curve(self.decay, limit)

    def moved(self, standard_errors: float) -> Examination:
        """Return the curve that many standard errors steeper (negative: flatter)."""
        decay = self.decay + standard_errors * self.standard_error
        return Examination(decay, self.standard_error, self.click_count)


def power_curve(decay: float, limit: int) -> Float64Array:
    """Return slot^-decay for slots 1..limit.

    >>> power_curve(1.0, 4).tolist()
    [1.0, 0.5, 0.3333333333333333, 0.25]
    """
    return np.arange(1, limit + 1, dtype=np.float64) ** -decay


def estimate_examination(slots: NDArray[np.intp], limits: NDArray[np.intp]) -> Examination:
    """Estimate η from clicks on explored slots by penalised maximum likelihood (Newton).

    Args:
        slots: clicked explored slots, 1 is best, (n,).
        limits: number of slots of each one's slate, (n,).
    """
    log_sum = float(np.log(slots).sum())
    counts = [(int(limit), int((limits == limit).sum())) for limit in np.unique(limits)]
    decay = PRIOR_DECAY
    for _ in range(25):
        slope = -log_sum - (decay - PRIOR_DECAY) / PRIOR_SPREAD**2
        curvature = 1.0 / PRIOR_SPREAD**2
        for limit, count in counts:
            mean, variance = _log_slot_moments(decay, limit)
            slope += count * mean
            curvature += count * variance
        step = slope / curvature
        decay += float(np.clip(step, -0.5, 0.5))
        if abs(step) < 1e-10:
            break
    return Examination(decay, 1.0 / sqrt(curvature), len(slots))


def _log_slot_moments(decay: float, limit: int) -> tuple[float, float]:
    curve = power_curve(decay, limit)
    shares = curve / curve.sum()
    logs = np.log(np.arange(1, limit + 1))
    mean = float(shares @ logs)
    return mean, float(shares @ (logs - mean) ** 2)
