"""Inverse propensity score: every reward counts as often as the new policy would earn it."""

from __future__ import annotations

from recsysops.experiments.intervals import Float64Array
from recsysops.experiments.off_policy.sample import Sample


def estimate_ips(sample: Sample) -> float:
    """Return (1/n) Σ ratio · reward.

    Unbiased when the propensities are right and the log supports the new policy; heavy ratios
    make it jump (Horvitz and Thompson, JASA 1952).
    """
    return sample.mean(ips_terms(sample))


def ips_terms(sample: Sample) -> Float64Array:
    """Return what each decision adds to the mean, (n,)."""
    return sample.ratio * sample.reward
