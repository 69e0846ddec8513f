"""Walking through time a day at a time, knowing only what happened before each midnight (UTC).

The catalogue and popularity of a day are those of its midnight: an item nobody had chosen by
then is no candidate. A catalogue made of all items that are ever chosen would leak the future,
because a recent title without plays in it is one that is about to be played.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.model.interactions import SECONDS_PER_DAY, Interactions
from recsysops.model.kernel import Float64Array, IndexArray

RECENT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Day:
    """A day's events and what its midnight knew.

    events: row numbers; counts: decayed plays, (n_items, half-lives); recent: plays of the last
    30 days, (n_items,); known: chosen at least once, (n_items,). The arrays are the walk's own:
    read them before asking for the next day.
    """

    start: float
    events: IndexArray
    counts: Float64Array
    recent: NDArray[np.int64]
    known: NDArray[np.bool_]


def walk_days(
    rows: Interactions, *, events: IndexArray, half_life_days: Sequence[float]
) -> Iterator[Day]:
    """Yield each day that has events, in order; `events` are ascending row numbers."""
    count = len(rows.item_ids)
    half_lives = np.asarray(half_life_days, dtype=np.float64) * SECONDS_PER_DAY
    counts = np.zeros((count, len(half_lives)))
    recent = np.zeros(count, dtype=np.int64)
    known = np.zeros(count, dtype=np.bool_)
    counted = forgotten = 0
    moment = rows.times[0]
    days = np.floor(rows.times[events] / SECONDS_PER_DAY)
    for day in np.unique(days):
        start = float(day) * SECONDS_PER_DAY
        counts *= np.exp2(-(start - moment) / half_lives)
        moment = start
        until = int(np.searchsorted(rows.times, start, side="left"))
        fresh = slice(counted, until)
        ages = start - rows.times[fresh]
        worth = None if rows.weights is None else rows.weights[fresh]
        counts += count_decayed(rows.items[fresh], ages, half_lives, count, weights=worth)
        recent += np.bincount(rows.items[fresh], minlength=count)
        known[rows.items[fresh]] = True
        leaving = int(np.searchsorted(rows.times, start - RECENT_DAYS * SECONDS_PER_DAY))
        recent -= np.bincount(rows.items[forgotten:leaving], minlength=count)
        counted, forgotten = until, leaving
        yield Day(start, events[days == day], counts, recent, known)


def count_decayed(
    items: NDArray[np.int32],
    ages: Float64Array,
    half_lives: Float64Array,
    n_items: int,
    *,
    weights: NDArray[np.float32] | None = None,
) -> Float64Array:
    """Return Σ weight · 2^(-age / half-life) per item and half-life, (n_items, half-lives).

    weights: of the rows, None when each is one.
    """
    counts = np.zeros((n_items, len(half_lives)))
    for column, half_life in enumerate(half_lives.tolist()):
        decayed = np.exp2(-ages / half_life)
        counts[:, column] = np.bincount(
            items, weights=decayed if weights is None else decayed * weights, minlength=n_items
        )
    return counts
