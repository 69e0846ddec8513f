"""The delete-a-group jackknife: standard errors that survive rows which go together.

Rows of one member (or item) are not independent; whole hash groups of members are. Estimates
are recomputed without each group in turn, and their spread is the error, whatever happens
inside a group and whatever the weights. Windows are compared by deleting the same group from
both, so that members (or items) common to both make the comparison sharper, not wrong.

Source: Wolter, Introduction to Variance Estimation (2007), chapter 4; Kott, The Delete-a-Group
Jackknife (2001).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recsysops.statistics.student import Floats, student_p_value


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Estimates (k,) with their standard errors (k,) and p-values (k,) against zero."""

    value: Floats
    error: Floats
    p_value: Floats


def leave_one_group_out(groups: Floats) -> Floats:
    """Return totals without each group in turn: (..., g) group sums give (..., g)."""
    totals: Floats = groups.sum(axis=-1, keepdims=True)
    return totals - groups


def jackknife_error(replicates: Floats) -> Floats:
    """Return the standard error of (..., g) leave-one-group-out replicates, (...,).

    Empty groups give a replicate like the whole estimate and count as what they are: groups
    that the random assignment left empty. NaN replicates give NaN.
    """
    count = replicates.shape[-1]
    centred = replicates - replicates.mean(axis=-1, keepdims=True)
    error: Floats = np.sqrt((count - 1) / count * (centred**2).sum(axis=-1))
    return error


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return numerator / denominator, NaN where the denominator is not positive."""
    safe = np.where(denominator > 0, denominator, 1.0)
    return np.where(denominator > 0, numerator / safe, np.nan)


def jackknife_difference(
    statistic: Callable[[Floats, Floats], Floats],
    *,
    reference: tuple[Floats, Floats],
    window: tuple[Floats, Floats],
) -> Estimates:
    """Estimate statistic(window) - statistic(reference), deleting the same group from both.

    `statistic` maps (numerator, denominator) totals of any shape to estimates of that shape;
    both pairs hold group sums (..., g).
    """
    value, error = difference_with_error(statistic, reference=reference, window=window)
    return with_p_value(value, error, degrees=window[0].shape[-1] - 1)


def difference_with_error(
    statistic: Callable[[Floats, Floats], Floats],
    *,
    reference: tuple[Floats, Floats],
    window: tuple[Floats, Floats],
) -> tuple[Floats, Floats]:
    """Return what `jackknife_difference` estimates and its standard error, without a test."""
    replicates = statistic(*map(leave_one_group_out, window)) - statistic(
        *map(leave_one_group_out, reference)
    )
    value = statistic(*(part.sum(axis=-1) for part in window)) - statistic(
        *(part.sum(axis=-1) for part in reference)
    )
    return value, jackknife_error(replicates)


def with_p_value(value: Floats, error: Floats, *, degrees: Floats | float) -> Estimates:
    """Attach two-sided p-values of Student's t; no error and no difference give p = 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(value == 0.0, 0.0, value / error)
    return Estimates(value, error, student_p_value(t, degrees=degrees))
