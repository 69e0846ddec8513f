"""Compares totals and ratios of totals of two windows on a log scale, clusters accounted for."""

from __future__ import annotations

import numpy as np

from recsysops.statistics.counts import binomial_tail
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


def compare_lost_share(reference: Floats, window: Floats, *, tolerated: float) -> Estimates:
    """Test whether more than a tolerated share of a total of things (..., g) is gone, one-sided.

    1 - Σ window / Σ reference, negative when there are more. Things go one by one, so the number
    of those that went is binomial: exact, where a jackknife over 32 groups can never be surer
    than Student's t with 31 degrees. A total of nothing gives NaN.
    """
    before = reference.sum(axis=-1)
    value = 1.0 - _ratio(window.sum(axis=-1), before)
    replicates = -_ratio(leave_one_group_out(window), leave_one_group_out(reference))
    p_value = binomial_tail(np.maximum(value, 0.0) * before, before, tolerated)
    return Estimates(value, jackknife_error(replicates), p_value)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    safe = np.where(denominator > 0, denominator, np.nan)
    quotient: Floats = numerator / safe
    return quotient


def _log_ratio(before: Floats, now: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        both = (before > 0) & (now > 0)
        logs: Floats = np.where(both, np.log(np.where(both, now / before, 1.0)), np.nan)
    return logs
