"""Knows how likely it is that hours stay without a single event by accident."""

from __future__ import annotations

import numpy as np

from recsysops.statistics.student import Floats


def chance_of_silence(expected: Floats, *, dispersion: float = 1.0) -> Floats:
    """Return the chance that an hour stays empty, elementwise.

    Args:
        expected: counts that a reference saw, (k,), >= 0. Two standard errors of a count are
            taken off first (its square root has a standard error of a half: Anscombe, 1948), so
            that a lucky reference does not promise too much.
        dispersion: variance over mean of the counts, 1 = Poisson; clusters of that size on
            average come or stay away together.
    """
    careful = np.maximum(np.sqrt(np.asarray(expected, np.float64)) - np.sqrt(dispersion), 0.0) ** 2
    chance: Floats = np.exp(-careful / max(dispersion, 1.0))
    return chance


def silence_p_value(chances: Floats, silent: int) -> float:
    """Return the probability that at least `silent` of the hours are empty.

    Args:
        chances: probability of each hour to be empty, (k,); independent hours.
        silent: how many were. 0 gives 1; more than k gives 0.

    The tail of the Poisson binomial distribution, exact by dynamic programming.
    Source: Wang, On the number of successes in independent trials (1993).
    """
    if silent <= 0:
        return 1.0
    # mass[j] = P(j hours so far are empty); the last place gathers "silent or more"
    mass = np.zeros(silent + 1)
    mass[0] = 1.0
    for chance in np.asarray(chances, np.float64):
        moved = mass * chance
        mass[:-1] -= moved[:-1]
        mass[1:] += moved[:-1]
    return float(np.clip(mass[-1], 0.0, 1.0))
