"""Which items of the re-timed world launched lately and which are still to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from recsysops.model.interactions import Interactions
from recsysops.vocabulary import ItemFeatures

UPCOMING = 30
RECENT_LAUNCHES = 120
SOONEST_DAYS, LATEST_DAYS = 7, 14

_FEWEST_PLAYS, _MOST_PLAYS = 6, 80
_ODD_METADATA = ("language missing", "genres missing", "language odd", "year missing", "year zero")
_EVERY_NTH_ODD = 3


def choose_launches(
    interactions: Interactions, *, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw (upcoming, recently launched) item codes among items of middling popularity.

    Small data sets give at most a hundredth and a thirtieth of such items.
    """
    plays = np.bincount(interactions.items, minlength=len(interactions.item_ids))
    middling = rng.permutation(np.flatnonzero((plays >= _FEWEST_PLAYS) & (plays <= _MOST_PLAYS)))
    upcoming = min(UPCOMING, len(middling) // 10)
    recent = min(RECENT_LAUNCHES, len(middling) // 10)
    return middling[:upcoming], middling[upcoming : upcoming + recent]


def announce_upcoming(
    items: Sequence[ItemFeatures], *, end: date, rng: np.random.Generator
) -> tuple[ItemFeatures, ...]:
    """Give items launch dates 7 to 14 days after `end`; every third has missing or odd metadata.

    Columns damaged here are named in `simulated` too.
    """
    days = rng.integers(SOONEST_DAYS, LATEST_DAYS + 1, size=len(items)).tolist()
    dated = [
        replace(item, launch_date=end + timedelta(days=ahead))
        for item, ahead in zip(items, days, strict=True)
    ]
    return tuple(
        _damage(item, _ODD_METADATA[row // _EVERY_NTH_ODD % len(_ODD_METADATA)])
        if row % _EVERY_NTH_ODD == 0
        else item
        for row, item in enumerate(dated)
    )


def date_recent_launches(
    count: int, *, first: date, last: date, rng: np.random.Generator
) -> list[date]:
    """Draw launch dates from `first` to `last`, both included."""
    return [
        first + timedelta(days=ahead)
        for ahead in rng.integers(0, max(1, (last - first).days + 1), size=count).tolist()
    ]


def _damage(item: ItemFeatures, how: str) -> ItemFeatures:
    if how.startswith("language"):
        return replace(item, language=None if how == "language missing" else "zz")
    if how.startswith("year"):
        year = None if how == "year missing" else 0
        return replace(item, year=year, simulated=(*item.simulated, "year"))
    return replace(item, genres=(), simulated=(*item.simulated, "genres"))
