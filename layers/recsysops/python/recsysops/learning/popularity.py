"""Fresh popularity: plays that fade with an exponential half-life, and which half-life fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsysops.learning.days import count_decayed, walk_days
from recsysops.learning.histories import MemberIndex, Queries, seen_pairs
from recsysops.learning.ranks import discounted_gains, rank_targets
from recsysops.model.interactions import SECONDS_PER_DAY, Interactions
from recsysops.model.kernel import Float64Array, IndexArray

HALF_LIFE_GRID_DAYS = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 365.0, 1000.0)
SMOOTHING = 0.1
"""Added to decayed plays before the logarithm: what an item without plays has."""


def decayed_plays(
    rows: Interactions, *, at: float, half_life_days: Sequence[float]
) -> Float64Array:
    """Return plays decayed to a moment (seconds since 1970), (n_items, half-lives).

    A play that is one half-life old counts one half. Rows at or after the moment do not count.
    """
    earlier = rows.before(at)
    half_lives = np.asarray(half_life_days, dtype=np.float64) * SECONDS_PER_DAY
    return count_decayed(
        earlier.items,
        at - earlier.times,
        half_lives,
        len(rows.item_ids),
        weights=earlier.weights,
    )


def log_popularity(counts: Float64Array, *, smoothing: float = SMOOTHING) -> Float64Array:
    """Return log(decayed plays + smoothing), same shape; finite for every count from 0."""
    logs: Float64Array = np.log(counts + smoothing)
    return logs


def fit_half_life(
    rows: Interactions, index: MemberIndex, *, events: IndexArray
) -> tuple[float, dict[float, float]]:
    """Choose the half-life whose popularity ranks the events best.

    Every event is ranked by the decayed plays before its midnight, without what its member had
    chosen before; the half-life with the highest mean NDCG@10 wins, the shorter one in a tie.

    Returns:
        (half-life in days, NDCG@10 per half-life of the grid).
    """
    gains = np.zeros(len(HALF_LIFE_GRID_DAYS))
    for day in walk_days(rows, events=events, half_life_days=HALF_LIFE_GRID_DAYS):
        targets = rows.items[day.events].astype(np.intp)
        queries = Queries(rows.members[day.events], rows.times[day.events])
        seen = seen_pairs(rows, index, queries)
        for column in range(len(gains)):
            scores = np.where(day.known, day.counts[:, column], -np.inf)
            gains[column] += discounted_gains(
                rank_targets(scores, targets=targets, seen=seen)
            ).sum()
    means = (gains / max(1, len(events))).tolist()
    best = HALF_LIFE_GRID_DAYS[int(np.argmax(gains))]
    return best, dict(zip(HALF_LIFE_GRID_DAYS, means, strict=True))
