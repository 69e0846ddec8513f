"""Launches of a window against launches of the same age: what they share as peers."""

from __future__ import annotations

from recsysops.detection.cells import Distribution, Sums
from recsysops.statistics.standardised import Standardised, Strata, standardise

LEAST_LAUNCH_DAYS = 10.0
"""Launches times days in either period; of fewer nothing is said."""


def compare_launches(found: Distribution) -> Standardised | None:
    """Compare Σx of launch-days, one cell per age, at the reference's make-up of ages.

    None when either period has too few launch-days, or none of an age that the other one knows.
    """
    if min(float(side.weights.sum()) for side in (found.window, found.reference)) < (
        LEAST_LAUNCH_DAYS
    ):
        return None
    return standardise(_strata(found.reference), _strata(found.window))


def _strata(sums: Sums) -> Strata:
    return Strata(sums.groups, sums.values)
