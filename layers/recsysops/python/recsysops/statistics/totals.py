"""Compares totals and ratios of totals of two windows on a log scale, clusters accounted for."""

from __future__ import annotations

import numpy as np

from recsysops.statistics.jackknife import (
    Estimates,
    jackknife_error,
    leave_one_group_out,
    with_p_value,
)
from recsysops.statistics.student import Floats


def compare_log_ratio(reference: Floats, window: Floats) -> Estimates:
    """Test log(Σ window / Σ reference) of group sums (..., g) against 0, two-sided.

    The same group is deleted from both, so rows common to both make the test sharper. A total
    that is not positive gives NaN; a window that vanished wants `lost_share` instead.
    """
    value = _log_ratio(reference.sum(axis=-1), window.sum(axis=-1))
    replicates = _log_ratio(leave_one_group_out(reference), leave_one_group_out(window))
    return with_p_value(value, jackknife_error(replicates), degrees=reference.shape[-1] - 1)


def compare_lost_share(reference: Floats, window: Floats) -> Estimates:
    """Test which share of a total of things (..., g) is no longer there, two-sided.

    1 - Σ window / Σ reference, negative when there are more. The error is the jackknife's, but
    never less than a binomial's with one success and one failure added (Agresti and Caffo, 2000):
    when a whole total vanished, the jackknife sees no error at all.
    """
    before = reference.sum(axis=-1)
    value = 1.0 - _ratio(window.sum(axis=-1), before)
    replicates = -_ratio(leave_one_group_out(window), leave_one_group_out(reference))
    smoothed = (np.clip(value, 0.0, 1.0) * before + 1.0) / (before + 2.0)
    floor = np.sqrt(smoothed * (1.0 - smoothed) / (before + 2.0))
    error = np.fmax(jackknife_error(replicates), floor)
    return with_p_value(value, error, degrees=reference.shape[-1] - 1)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    safe = np.where(denominator > 0, denominator, np.nan)
    quotient: Floats = numerator / safe
    return quotient


def _log_ratio(before: Floats, now: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        both = (before > 0) & (now > 0)
        logs: Floats = np.where(both, np.log(np.where(both, now / before, 1.0)), np.nan)
    return logs
