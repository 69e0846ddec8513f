"""Intervals by drawing whole clusters again: one member's decisions are no independent evidence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from recsysops.experiments.intervals import Float64Array, Interval
from recsysops.experiments.off_policy.decisions import IntArray

Statistic = Callable[[Float64Array], Float64Array]
"""Weights of the decisions (n,) → estimates (k,)."""


def draw_clusters_again(
    statistic: Statistic, cluster: IntArray, *, rounds: int, rng: np.random.Generator
) -> Float64Array:
    """Return the statistic of `rounds` draws of as many clusters with replacement, (rounds, k).

    A cluster drawn twice counts twice (Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, section 3.8). Whatever the statistic fits is fitted again in each draw.
    """
    count = int(cluster.max(initial=-1)) + 1
    shares = np.full(count, 1.0 / count)
    draws = rng.multinomial(count, shares, size=rounds).astype(np.float64)
    return np.array([statistic(draw[cluster]) for draw in draws])


def percentile_interval(value: float, draws: Float64Array, *, confidence: float = 0.9) -> Interval:
    """Return the middle `confidence` of the draws, (rounds,), stretched to hold the estimate."""
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail]).tolist()
    return Interval(value, min(low, value), max(high, value))
