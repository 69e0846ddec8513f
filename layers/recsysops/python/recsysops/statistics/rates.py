"""Compares counts of events per time, also when they are burstier than Poisson."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.statistics.student import Floats, normal_p_value


@dataclass(frozen=True, slots=True, eq=False)
class RateChange:
    """Change of rates: log of the ratio (k,) (half an event added to both sides), p-values."""

    log_ratio: Floats
    p_value: Floats


def compare_rates(
    reference: Floats, window: Floats, *, exposure_ratio: float = 1.0, dispersion: float = 1.0
) -> RateChange:
    """Test counts (k,) of a window against a reference, two-sided.

    Args:
        exposure_ratio: length of the window over the length of the reference.
        dispersion: variance over mean of the counts, 1 = Poisson (quasi-Poisson, the
            negative binomial's linear form); values below 1 count as 1.

    Square roots stabilise the variance: Anscombe (1948), also with few events.
    """
    before = np.asarray(reference, np.float64)
    now = np.asarray(window, np.float64)
    rooted = np.sqrt(now + 3 / 8) - np.sqrt(exposure_ratio * (before + 3 / 8))
    spread = 0.5 * np.sqrt(max(dispersion, 1.0) * (1.0 + exposure_ratio))
    log_ratio = np.log((now + 0.5) / ((before + 0.5) * exposure_ratio))
    return RateChange(log_ratio, normal_p_value(rooted / spread))


def estimate_dispersion(groups: Floats) -> float:
    """Return variance over mean of a total whose events come in clusters, from group sums (g,).

    Members fall into groups at random, so the variance of the total is g times the variance
    between groups. At least 1; fewer than two events give 1.
    """
    return float(estimate_dispersions(groups))


def estimate_dispersions(groups: Floats) -> Floats:
    """Return `estimate_dispersion` of many totals, (..., g) to (...,)."""
    totals = groups.sum(axis=-1)
    variances = groups.shape[-1] * np.var(groups, axis=-1, ddof=1)
    spreads = np.where(totals < 2, 1.0, variances / np.maximum(totals, 2.0))
    dispersions: Floats = np.maximum(spreads, 1.0)
    return dispersions
