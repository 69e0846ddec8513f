"""Which rows become traffic and when they happen in the re-timed world."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import BadInput
from recsysops.model.interactions import SECONDS_PER_DAY, Interactions

_KEPT_SHARE = 0.5
_EVENING_PEAK = 20.0 / 24.0
_PEAK_STRENGTH = 0.6


def hold_out_last(
    interactions: Interactions, *, count: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Mark exactly `count` rows: the last ones of every member, about equally many each.

    Every member keeps at least half of their rows for training. The member quota is the lowest
    that reaches `count`; which members give one row less is random.

    Raises: BadInput when the data set is too small.
    """
    sizes = np.bincount(interactions.members, minlength=len(interactions.member_ids))
    most = np.floor(sizes * (1.0 - _KEPT_SHARE)).astype(np.int64)
    if most.sum() < count:
        raise BadInput(
            f"{count} requests of traffic need as many rows to hold out; this data set has "
            f"{most.sum()}: ask for fewer requests per stretch"
        )
    quota = next(q for q in range(1, count + 1) if np.minimum(most, q).sum() >= count)
    given = np.minimum(most, quota)
    spare = rng.permutation(np.flatnonzero(given == quota))[: given.sum() - count]
    given[spare] -= 1
    held_out: NDArray[np.bool_] = rows_from_end(interactions) < given[interactions.members]
    return held_out


def rows_from_end(interactions: Interactions) -> NDArray[np.int64]:
    """Return how many later rows the same member has, (n,); 0 is a member's last row."""
    order = np.argsort(interactions.members, kind="stable")
    sizes = np.bincount(interactions.members, minlength=len(interactions.member_ids))
    ends = np.repeat(np.cumsum(sizes), sizes)
    from_end = np.empty(len(order), dtype=np.int64)
    from_end[order] = ends - 1 - np.arange(len(order))
    return from_end


def spread_history(
    interactions: Interactions, *, end: float, days: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return new times that spread each member's rows over the days before `end`, in order.

    A member's k-th of n rows falls at a random point of the k-th n-th of the period: a steady
    stream, where the true times have 61 % of a member's ratings on one day.
    """
    sizes = np.bincount(interactions.members, minlength=len(interactions.member_ids))
    own = sizes[interactions.members]
    place = own - 1 - rows_from_end(interactions)
    share = (place + rng.random(len(own))) / own
    times: NDArray[np.float64] = end - SECONDS_PER_DAY * days * (1.0 - share)
    return np.floor(times)


def draw_times_of_day(count: int, *, start: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw moments in the 24 hours from `start`, busiest in the evening (UTC), milliseconds."""
    grid = np.linspace(0.0, 1.0, 24 * 60 + 1)
    clock = (start / SECONDS_PER_DAY + grid) % 1.0
    intensity = 1.0 + _PEAK_STRENGTH * np.cos(2.0 * np.pi * (clock - _EVENING_PEAK))
    cumulative = np.concatenate([[0.0], np.cumsum((intensity[1:] + intensity[:-1]) / 2.0)])
    shares = np.interp(rng.random(count), cumulative / cumulative[-1], grid)
    # one millisecond short of the day, so that rounding never reaches the next stretch
    return start + np.floor(shares * (SECONDS_PER_DAY - 0.001) * 1000.0) / 1000.0
