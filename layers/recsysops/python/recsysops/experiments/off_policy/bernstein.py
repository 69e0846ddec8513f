"""An interval that needs no large sample: the empirical Bernstein bound over clusters."""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import Float64Array, Interval
from recsysops.experiments.off_policy.decisions import IntArray


def bernstein_interval(
    terms: Float64Array, cluster: IntArray, *, largest_term: float, confidence: float = 0.9
) -> Interval:
    """Bound the expectation of a mean of terms, whatever their distribution.

    With c clusters whose sums lie within a span R: mean ± √(2 V ln(4/δ) / c) + 7 R ln(4/δ) /
    (3 (c - 1)), two-sided δ = 1 - confidence (Maurer and Pontil, "Empirical Bernstein bounds and
    sample-variance penalization", COLT 2009, theorem 4). Wide, but it holds at every size.

    Args:
        terms: what each decision adds to the mean, each in [0, largest_term], (n,).
        cluster: which decisions go together, (n,).
        largest_term: what one decision could have added at most, known beforehand.
        confidence: two-sided level.

    Raises: CouldNotJudge with fewer than two clusters.
    """
    sizes = np.bincount(cluster).astype(np.float64)
    count = len(sizes)
    if count < 2:
        raise CouldNotJudge("could not judge, because a Bernstein bound needs two members")
    sums = np.bincount(cluster, weights=terms).astype(np.float64)
    span = float(sizes.max()) * largest_term
    log_term = log(4.0 / (1.0 - confidence))
    reach = sqrt(2.0 * float(sums.var(ddof=1)) * log_term / count)
    reach += 7.0 * span * log_term / (3.0 * (count - 1))
    per_decision = count / float(len(terms))
    value = float(terms.mean())
    return Interval(value, max(0.0, value - reach * per_decision), value + reach * per_decision)
