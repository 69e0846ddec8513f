"""Compares two windows whose make-up differs: stratum by stratum, weighted as one of them is.

Direct standardisation: what would the window's rows have shown at the reference's rates? Source:
Rothman, Greenland and Lash, Modern Epidemiology (2008), chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.statistics.jackknife import (
    Estimates,
    jackknife_error,
    leave_one_group_out,
    with_p_value,
)
from recsysops.statistics.student import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Group sums of one window by stratum: weights (s, g) and values Σw·x (s, g)."""

    weights: Floats
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """What the window shows, what it would show at the reference's rates, and what the reference
    showed; every test is of a difference of two of them, each a single estimate.

    rates: observed - expected: the same rows do otherwise. make_up: expected - reference: other
    rows came. covered: share of the window's weight in strata that the reference knows.
    """

    observed: float
    expected: float
    reference: float
    rates: Estimates
    make_up: Estimates
    covered: float


def standardise(reference: Strata, window: Strata) -> Standardised:
    """Compare a window with a reference over the strata that the reference knows.

    No such stratum gives NaN everywhere.
    """
    known = reference.weights.sum(axis=-1) > 0
    parts = [part[known] for part in (reference.weights, reference.values, window.weights,
                                      window.values)]  # fmt: skip
    whole = _means(*(part.sum(axis=-1, keepdims=True) for part in parts))[:, 0]
    left_out = _means(*(leave_one_group_out(part) for part in parts))
    covered = parts[2].sum() / window.weights.sum() if window.weights.sum() > 0 else np.nan
    return Standardised(
        observed=float(whole[0]),
        expected=float(whole[1]),
        reference=float(whole[2]),
        rates=_difference(whole[0] - whole[1], left_out[0] - left_out[1]),
        make_up=_difference(whole[1] - whole[2], left_out[1] - left_out[2]),
        covered=float(covered),
    )


def _means(
    reference_weights: Floats, reference_values: Floats, weights: Floats, values: Floats
) -> Floats:
    """Return observed, expected and reference means, (3, g), of strata sums (s, g)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # a stratum that lives in one group has no rate without it: it counts as absent there
        rates = np.where(reference_weights > 0, reference_values / reference_weights, 0.0)
        kept = np.where(reference_weights > 0, weights, 0.0)
        seen = np.where(reference_weights > 0, values, 0.0)
        total = kept.sum(axis=0)
        means: Floats = np.stack(
            [
                seen.sum(axis=0) / total,
                (kept * rates).sum(axis=0) / total,
                reference_values.sum(axis=0) / reference_weights.sum(axis=0),
            ]
        )
    return means


def _difference(value: Floats, replicates: Floats) -> Estimates:
    return with_p_value(
        np.asarray(value), jackknife_error(replicates), degrees=replicates.shape[-1] - 1
    )
