"""Compares shares that things take together when every thing's own part moves by itself.

A supplier's share of the slots is that of its items, most of it of a few. An item grows popular
and fades for everybody at once: however many members are counted, the share rests on the luck of
those few items, and only from item to item can one see how large that luck is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from recsysops.statistics.jackknife import (
    Estimates,
    jackknife_error,
    leave_one_group_out,
    with_p_value,
)
from recsysops.statistics.student import Floats

_HALF = 0.5
"""Added to what a part took, so that a part that vanished has a logarithm."""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What things took in two periods.

    reference, window: (g,) sums by hash group of things. squared: Σ over things of the square of
    what each took in the reference.
    """

    reference: Floats
    window: Floats
    squared: float

    @property
    def effective(self) -> float:
        """How many equal things the reference is worth (Kish)."""
        total = float(self.reference.sum())
        return total * total / self.squared if self.squared > 0 else 0.0


def compare_moving_shares(part: Taken, whole: Taken) -> Estimates:
    """Test log(share of the part now / before) against 0, two-sided; the part is of the whole.

    The error is the larger of two. The part's own: the jackknife's that deletes a group of things
    from both periods. That of all things: how far the share of a group moved, squared and summed,
    per Σ of squared shares, times the part's. The second knows from the whole catalogue what a
    part of five things cannot know of itself. Nothing in the reference gives NaN.
    Source: Wolter, Introduction to Variance Estimation (2007), chapter 4, for the first.
    """
    value = _log_share(part.window.sum(), whole.window.sum()) - _log_share(
        part.reference.sum(), whole.reference.sum()
    )
    own = jackknife_error(
        _left_out(part.window, whole.window) - _left_out(part.reference, whole.reference)
    )
    pooled = math.sqrt(_moved_by_one(whole) / part.effective) if part.effective > 0 else math.nan
    degrees = min(len(whole.reference) - 1.0, max(whole.effective - 1.0, 1.0))
    return with_p_value(np.asarray(value), np.fmax(own, pooled), degrees=degrees)


def _moved_by_one(whole: Taken) -> float:
    """Return the variance of one thing's relative change, from the changes of all groups."""
    moved = whole.window / whole.window.sum() - whole.reference / whole.reference.sum()
    return float((moved**2).sum() * whole.effective)


def _left_out(part: Floats, whole: Floats) -> Floats:
    return _log_share(leave_one_group_out(part), leave_one_group_out(whole))


def _log_share(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = np.log(np.asarray(part + _HALF)) - np.log(np.asarray(whole + _HALF))
    return np.where(np.asarray(whole) > 0, share, np.nan)
