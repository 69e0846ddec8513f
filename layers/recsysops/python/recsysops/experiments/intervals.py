"""Intervals for sums over clusters: moderate weights, rare heavy weights, and sums of both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from recsysops.experiments.quantiles import lower_gamma, student_quantile

Float64Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with the two ends of its interval."""

    value: float
    low: float
    high: float

    def shifted(self, offset: float) -> Interval:
        """Return the interval moved by a constant."""
        return Interval(self.value + offset, self.low + offset, self.high + offset)

    def scaled(self, factor: float) -> Interval:
        """Return the interval times a factor >= 0."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)

    def negated(self) -> Interval:
        """Return the interval of the negative."""
        return Interval(-self.value, -self.high, -self.low)

    def widened(self, *, below: float, above: float) -> Interval:
        """Return the interval with its ends moved outwards by known bounds on a bias."""
        return Interval(self.value, self.low - below, self.high + above)

    def contains(self, truth: float) -> bool:
        """Return whether the truth lies inside, ends included."""
        return self.low <= truth <= self.high


def ratio_interval(
    totals: Float64Array, sizes: Float64Array, *, confidence: float = 0.9
) -> Interval:
    """Estimate Σ totals / Σ sizes over clusters, with a Student interval.

    Variance by Taylor linearisation of the ratio over clusters (Cochran, Sampling Techniques,
    1977, section 6.3); degrees of freedom shrink with unequal residuals (Satterthwaite: the
    effective number of clusters is (Σ r²)² / Σ r⁴).

    Args:
        totals: sum of the quantity per cluster, (c,).
        sizes: sum of the denominator per cluster, (c,), Σ > 0.
        confidence: two-sided level.
    """
    denominator = float(sizes.sum())
    ratio = float(totals.sum()) / denominator
    squares = (totals - ratio * sizes) ** 2
    count = len(totals)
    spread = float(squares.sum())
    if count < 2 or spread == 0.0:
        return Interval(ratio, ratio, ratio)
    error = sqrt(count / (count - 1) * spread) / denominator
    degrees = max(1.0, spread**2 / float((squares**2).sum()) - 1.0)
    reach = student_quantile(0.5 + confidence / 2.0, degrees) * error
    return Interval(ratio, ratio - reach, ratio + reach)


def rare_sum_interval(
    cluster_sums: Float64Array, *, next_weight: float, confidence: float = 0.9
) -> Interval:
    """Bound the expectation of a weighted sum of rare events, one sum >= 0 per cluster.

    The mid-p gamma interval (Fay and Kim, "Confidence intervals for directly standardized rates
    using mid-p gamma intervals", Biometrical Journal, 2017): the even mixture of the gamma for
    what was seen and the gamma for one event more. Honest with no event at all, where it begins
    at 0 and ends at the weight an event would have had times a Poisson bound. Events of one
    cluster are summed first, so that they count as one event of that weight.

    Args:
        cluster_sums: Σ weight · event per cluster, (c,), most of them 0.
        next_weight: weight that one more event could have had (the largest, or a mean).
        confidence: two-sided level.
    """
    value, variance = float(cluster_sums.sum()), float((cluster_sums**2).sum())
    more, more_variance = value + next_weight, variance + next_weight**2
    if more <= 0.0:
        return Interval(0.0, 0.0, 0.0)
    tail = (1.0 - confidence) / 2.0
    seen, one_more = _Gamma.matching(value, variance), _Gamma.matching(more, more_variance)
    low = _mixture_quantile(seen, one_more, tail) if value > 0.0 else 0.0
    return Interval(value, low, _mixture_quantile(seen, one_more, 1.0 - tail))


@dataclass(frozen=True, slots=True)
class _Gamma:
    """A gamma distribution; shape 0 is the point 0."""

    shape: float
    scale: float

    @classmethod
    def matching(cls, mean: float, variance: float) -> _Gamma:
        """Return the gamma with this mean and variance."""
        return cls(mean**2 / variance, variance / mean) if mean > 0.0 else cls(0.0, 1.0)

    def below(self, x: float) -> float:
        """Return P(X <= x)."""
        return lower_gamma(self.shape, x / self.scale) if self.shape > 0.0 else 1.0


def _mixture_quantile(one: _Gamma, other: _Gamma, probability: float) -> float:
    """Return x where the mean of two distribution functions reaches a probability."""
    low, high = 0.0, max(one.shape * one.scale, other.shape * other.scale)
    while (one.below(high) + other.below(high)) / 2.0 < probability:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        below = (one.below(middle) + other.below(middle)) / 2.0 < probability
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2.0


def add_intervals(parts: Iterable[Interval]) -> Interval:
    """Add independent estimates, keeping the asymmetry of their intervals.

    MOVER: distances to the ends add in quadrature (Zou and Donner, "Construction of confidence
    limits about effect measures", Statistics in Medicine, 2008).
    """
    listed = list(parts)
    value = sum(part.value for part in listed)
    below = hypot(*(part.value - part.low for part in listed))
    above = hypot(*(part.high - part.value for part in listed))
    return Interval(value, value - below, value + above)


def effective_sample_size(weights: Float64Array) -> float:
    """Return (Σ w)² / Σ w² (Kish 1965): how many equal weights these are worth; 0 for none."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0.0 else 0.0
