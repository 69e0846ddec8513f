"""Estimates that may be looked at as often as one likes: the normal-mixture confidence sequence.

A 95 % interval that is looked at fifty times misses the truth far more often than in 5 % of the
cases. This one misses it at any look, however many there are, in at most 5 %: averaging the
likelihood ratio over effects of a typical size gives a martingale, which rarely ever gets large.

Source: Lindon, Sanden and Shirikian, Rapid Regression Detection in Software Deployments through
Sequential Testing (2022), arXiv 2205.14762; Robbins, Statistical Methods Related to the Law of the
Iterated Logarithm (1970). The normal approximation makes it asymptotic: looks should begin when the
estimate is worth some dozens of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.statistics.student import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """Intervals and p-values (k,) of one look that hold at all looks together."""

    low: Floats
    high: Floats
    p_value: Floats


def look_at(
    estimate: Floats, error: Floats, *, typical_effect: float, alpha: float = 0.05
) -> Sequence:
    """Return what one look tells of an estimate (k,) that grows with the data.

    Args:
        estimate: cumulative since the beginning, its standard `error` (k,) too. An error that is
            negative or not finite tells nothing: an infinite interval, p = 1. An error of 0 is
            taken at its word, as the limit of ever smaller ones: the interval is the estimate,
            p = 0. Only an estimate of 0 without an error tells nothing, because nothing was seen
            to vary. Errors that may be 0 by chance want a floor first, see `compare_shares`.
        typical_effect: the size at which the sequence is sharpest, in the estimate's unit; any
            positive value is valid.
        alpha: the share of sequences that may ever miss the truth.
    """
    value = np.asarray(estimate, np.float64)
    variance = np.where(np.asarray(error) >= 0, np.asarray(error, np.float64) ** 2, np.inf)
    known = np.isfinite(variance) & (variance > 0)
    exact = (variance == 0) & np.isfinite(value) & (value != 0)
    variance = np.where(known, variance, np.inf)
    mixture = typical_effect**2
    with np.errstate(invalid="ignore", over="ignore"):
        spread = variance * (variance + mixture) / mixture
        width = np.sqrt(spread * np.log((variance + mixture) / (variance * alpha**2)))
        log_evidence = 0.5 * value**2 / spread - 0.5 * np.log1p(mixture / variance)
    half = np.where(known, width, np.where(exact, 0.0, np.inf))
    p_value = np.where(known, np.exp(np.minimum(0.0, -log_evidence)), np.where(exact, 0.0, 1.0))
    return Sequence(value - half, value + half, p_value)
