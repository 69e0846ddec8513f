"""Inverse propensity score with capped ratios: a small known bias for a smaller error."""

from __future__ import annotations

import numpy as np

from recsysops.experiments.intervals import Float64Array
from recsysops.experiments.off_policy.sample import Sample


def estimate_clipped_ips(sample: Sample, *, cap: float) -> float:
    """Return (1/n) Σ min(ratio, cap) · reward.

    For rewards >= 0 it never exceeds IPS: what was cut off is missing (Ionides, "Truncated
    importance sampling", JCGS 2008, whose cap of √n is our default).
    """
    return sample.mean(clipped_terms(sample, cap=cap))


def clipped_terms(sample: Sample, *, cap: float) -> Float64Array:
    """Return what each decision adds to the mean, (n,)."""
    return np.minimum(sample.ratio, cap) * sample.reward
