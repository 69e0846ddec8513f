"""Compares weighted shares and means of two windows, with weights and clustering accounted for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.statistics.jackknife import (
    Estimates,
    difference_with_error,
    jackknife_difference,
    jackknife_error,
    leave_one_group_out,
    ratio,
    with_p_value,
)
from recsysops.statistics.student import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Group sums of one window.

    part: Σw (or Σw·x) of what is counted, (..., g). whole: Σw of everything, broadcastable to
    it. effective_rows: rows that the weights are worth, (…) or a number (see `effective_rows`).
    """

    part: Floats
    whole: Floats
    effective_rows: Floats | float


def effective_rows(weight: Floats | float, weight_squared: Floats | float) -> Floats:
    """Return how many equally weighted rows the weights are worth at most.

    Kish's (Σw)²/Σw², but no more than Σw: weights below one mark repeated sightings of one
    item, not more items. Source: Kish, Survey Sampling (1965).
    """
    weight, squared = np.asarray(weight, np.float64), np.asarray(weight_squared, np.float64)
    kish = np.where(squared > 0, weight * weight / np.where(squared > 0, squared, 1.0), 0.0)
    return np.minimum(kish, weight)


def effective_rows_of_all(weight: float, squared: float) -> float:
    """Return `effective_rows` of one pair of sums: a tenth of the time of arrays without axes.

    >>> effective_rows_of_all(3.0, 4.5), effective_rows_of_all(0.0, 0.0)
    (2.0, 0.0)
    """
    return min(weight * weight / squared, weight) if squared > 0 else min(0.0, weight)


def compare_shares(reference: Weighted, window: Weighted) -> Estimates:
    """Test the change of a share between two windows, two-sided.

    The error is the jackknife's, but never less than that of two binomials with one success
    and one failure added (Agresti and Caffo, 2000): when nothing varies, as with 0 of n against
    n of n, the jackknife sees no error at all.
    """
    value, error = difference_with_error(ratio, **_pairs(reference, window))
    floor = np.sqrt(_binomial_variance(reference) + _binomial_variance(window))
    return with_p_value(value, np.fmax(error, floor), degrees=_degrees(reference, window))


def compare_means(reference: Weighted, window: Weighted) -> Estimates:
    """Test the change of a Hájek mean (part = Σw·x) between two windows, two-sided."""
    return jackknife_difference(ratio, **_pairs(reference, window))


def compare_with_zero(sums: Weighted) -> Estimates:
    """Test a Hájek mean (part = Σw·x) of one window against zero, two-sided.

    Nothing varies: no error, and a p-value of 0 unless the mean is zero.
    """
    whole = np.broadcast_to(sums.whole, sums.part.shape)
    replicates = ratio(leave_one_group_out(sums.part), leave_one_group_out(whole))
    value = ratio(sums.part.sum(axis=-1), whole.sum(axis=-1))
    return with_p_value(value, jackknife_error(replicates), degrees=float(sums.part.shape[-1] - 1))


def _pairs(reference: Weighted, window: Weighted) -> dict[str, tuple[Floats, Floats]]:
    return {
        name: (sums.part, np.broadcast_to(sums.whole, sums.part.shape))
        for name, sums in (("reference", reference), ("window", window))
    }


def _degrees(reference: Weighted, window: Weighted) -> Floats:
    # a handful of rows knows less about its own error than the groups do
    rows = np.asarray(reference.effective_rows) + np.asarray(window.effective_rows)
    degrees: Floats = np.clip(rows - 2.0, 1.0, reference.part.shape[-1] - 1.0)
    return degrees


def _binomial_variance(sums: Weighted) -> Floats:
    share = ratio(sums.part.sum(axis=-1), np.broadcast_to(sums.whole, sums.part.shape).sum(axis=-1))
    rows = np.asarray(sums.effective_rows, np.float64)
    smoothed = (share * rows + 1.0) / (rows + 2.0)
    variance: Floats = smoothed * (1.0 - smoothed) / (rows + 2.0)
    return variance
