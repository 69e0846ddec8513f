"""How much more of a trait a member chooses than everybody does."""

from __future__ import annotations

import numpy as np

from recsysops.learning.histories import Histories
from recsysops.model.kernel import Float64Array

STRENGTH = 5.0
"""Rows of background that every member is given before their own are counted."""


def log_affinity(
    histories: Histories, *, background: Float64Array, strength: float = STRENGTH
) -> Float64Array:
    """Return log of the member's smoothed share of each trait over the background's share.

    share = (decayed sum + strength · background) / (decayed total + strength), so a member
    without history has affinity 0 to everything. A trait that the background lacks has 0 too.

    Args:
        histories: sums (q, d) and totals (q,).
        background: share of each trait over all rows, (d,).
        strength: rows of background added to every member.

    Returns:
        (q, d).
    """
    there = background > 0.0
    safe = np.where(there, background, 1.0)
    shares = (histories.sums + strength * safe) / (histories.totals[:, None] + strength)
    affinity: Float64Array = np.where(there, np.log(shares / safe), 0.0)
    return affinity


def background_share(traits: Float64Array, plays: Float64Array) -> Float64Array:
    """Return the mean trait over all rows, (d,); plays: rows per item, (n_items,)."""
    share: Float64Array = plays @ traits / max(1.0, float(plays.sum()))
    return share
