"""Knows how likely counts are that lie beyond everything a reference has seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from recsysops.statistics.student import Floats

LEAST_IN_TAIL = 20.0
"""Members at or above a level before their number is believed."""
_SLOWEST_FALL = 0.5
_STRONGEST_BEND = 0.3
_USUAL_BEND = 0.75
"""Where too few levels tell how the tail bends."""
_ANCHORS = 2


def doubling_tail_p_value(
    reference: Floats,
    window: Floats,
    *,
    places: Sequence[int],
    least_in_tail: float = LEAST_IN_TAIL,
) -> float:
    """Return how likely the window's members in the given top bins are, under the reference.

    Args:
        reference, window: members per bin, (k,); bin j holds counts in [2^j, 2^(j+1)).
        places: the bins that are asked about, all of the top from the lowest one on.

    Levels with at least `least_in_tail` members of the reference are counted. Beyond them the
    logarithm of the tail goes on along a parabola in the logarithm of the count, as a log-normal's
    does, through the last three levels with so many members, but bends by no less than 0.3
    per doubling and never back. The number of members beyond is then Poisson.
    Source: Clauset, Shalizi and Newman, Power-law distributions in empirical data (2009), for
    telling Pareto from log-normal tails.
    """
    lowest = min(places)
    seen = float(window[lowest:].sum())
    if seen == 0:
        return 1.0
    total = float(reference.sum())
    if total <= 0:
        return math.nan
    expected = float(window.sum()) / total * _members_from(reference, lowest, least_in_tail)
    return poisson_tail(seen, expected)


def poisson_tail(count: float, mean: float) -> float:
    """Return P(X >= count) of a Poisson variable.

    >>> round(poisson_tail(1, 0.1), 6)
    0.095163
    """
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if count <= mean:
        below = sum(
            math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(int(count))
        )
        return max(0.0, 1.0 - below)
    term = math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
    tail, k = 0.0, count
    while term > tail * 1e-16 and term > 0.0:
        tail, k = tail + term, k + 1
        term *= mean / k
    return min(tail, 1.0)


def _members_from(reference: Floats, lowest: int, least: float) -> float:
    """Return the members at or above a bin, extrapolated where they are too few to count."""
    above = [float(reference[place:].sum()) for place in range(lowest + 1)]
    if above[lowest] >= least:
        return above[lowest]
    anchor = max((place for place in range(lowest) if above[place] >= least), default=0)
    fall = above[anchor] / above[anchor - 1] if anchor >= 1 else _SLOWEST_FALL
    bend = _USUAL_BEND
    if anchor >= _ANCHORS:
        bend = fall / (above[anchor - 1] / above[anchor - 2])
    bend = min(max(bend, _STRONGEST_BEND), 1.0)
    members = above[anchor]
    for _ in range(lowest - anchor):
        fall *= bend
        members *= fall
    return members
