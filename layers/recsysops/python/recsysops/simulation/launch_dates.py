"""Which items of the re-timed world launched lately, which are still to come, how they are awaited.

Launches are popular items: what members really chose is compressed into the weeks after a made-up
launch day, so that a launch matters to lists, as it does where launches are real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recsysops.model.interactions import SECONDS_PER_DAY, Interactions
from recsysops.vocabulary import ItemFeatures

UPCOMING = 36
RECENT_LAUNCHES = 100
SOONEST_DAYS, LATEST_DAYS = 7, 14

LAST_LAUNCH_BEFORE_REFERENCE_DAYS = 18
"""Bursts are over well before the first day of traffic: its days stay exchangeable, and popularity
is not fitted to the bursts of the last days alone."""

_LEAST_CHOSEN, _MOST_CHOSEN = 0.09, 0.5
"""Launches are drawn among items that this share of the members chose."""

_BURST_SHARE = 0.7
_BURST_DAYS = 3.0
_ANTICIPATION_SPREAD = 0.2
Mishap = Literal[
    "language wrong",
    "language missing",
    "year missing",
    "language odd",
    "genres missing",
    "year zero",
]
_MISHAPS: tuple[Mishap, ...] = ("language wrong", "language odd", *get_args(Mishap))
_EVERY_NTH_HIT = 2


def choose_launches(
    interactions: Interactions, *, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw (upcoming, recently launched) item codes among popular items.

    Small data sets give at most an eighth and a third of such items.
    """
    plays = np.bincount(interactions.items, minlength=len(interactions.item_ids))
    share = plays / max(1, len(interactions.member_ids))
    popular = rng.permutation(np.flatnonzero((share >= _LEAST_CHOSEN) & (share <= _MOST_CHOSEN)))
    upcoming = min(UPCOMING, len(popular) // 8)
    recent = min(RECENT_LAUNCHES, len(popular) // 3)
    return popular[:upcoming], popular[upcoming : upcoming + recent]


def anticipate(
    interactions: Interactions, codes: NDArray[np.intp], *, rng: np.random.Generator
) -> list[float]:
    """Draw early signs of interest: a Poisson count around how often an item was really chosen.

    The mean is off by about a fifth either way: interest is no promise.
    """
    plays = np.bincount(interactions.items, minlength=len(interactions.item_ids))[codes]
    off = np.exp(_ANTICIPATION_SPREAD * rng.normal(size=len(codes)))
    signs: list[float] = rng.poisson(plays * off).astype(np.float64).tolist()
    return signs


def burst_after_launch(
    launched_at: NDArray[np.float64], *, until: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return one moment per launch moment, (n,), in seconds: most within days, the rest by `until`.

    Seven in ten choices fall off with e every three days, the others come evenly.
    """
    span = until - launched_at
    most = -np.expm1(-span / (_BURST_DAYS * SECONDS_PER_DAY))
    early = -_BURST_DAYS * SECONDS_PER_DAY * np.log1p(-most * rng.random(len(span)))
    late = span * rng.random(len(span))
    delay = np.where(rng.random(len(span)) < _BURST_SHARE, early, late)
    moments: NDArray[np.float64] = np.floor(launched_at + delay)
    return moments


def announce_upcoming(
    items: Sequence[ItemFeatures], *, end: date, rng: np.random.Generator
) -> tuple[ItemFeatures, ...]:
    """Give items launch dates 7 to 14 days after `end`; metadata are still right."""
    days = rng.integers(SOONEST_DAYS, LATEST_DAYS + 1, size=len(items)).tolist()
    return tuple(
        replace(item, launch_date=end + timedelta(days=ahead))
        for item, ahead in zip(items, days, strict=True)
    )


def plan_mishaps(
    upcoming: Sequence[ItemFeatures], *, rng: np.random.Generator
) -> dict[str, ItemFeatures]:
    """Return what a late batch will make of every second upcoming item, by item id.

    Counted along the list from most to least awaited, so that both big and small launches are
    hit. A language or a year gets lost, becomes one that does not exist, or that of another item;
    genres get lost. Columns damaged here are named in `simulated` too.
    """
    awaited = sorted(upcoming, key=lambda item: (-(item.anticipation or 0.0), item.item_id))
    hit = awaited[::_EVERY_NTH_HIT]
    return {
        item.item_id: _damage(item, _MISHAPS[place % len(_MISHAPS)], upcoming, rng)
        for place, item in enumerate(hit)
    }


def spoil_metadata(item: ItemFeatures, mishap: ItemFeatures) -> ItemFeatures:
    """Return the item as the next batch delivers it: with the metadata of its mishap."""
    return replace(
        item,
        genres=mishap.genres,
        year=mishap.year,
        language=mishap.language,
        simulated=mishap.simulated,
        version=item.version + 1,
    )


def date_recent_launches(
    count: int, *, first: date, last: date, rng: np.random.Generator
) -> list[date]:
    """Draw launch dates from `first` to `last`, both included."""
    return [
        first + timedelta(days=ahead)
        for ahead in rng.integers(0, max(1, (last - first).days + 1), size=count).tolist()
    ]


def _damage(
    item: ItemFeatures, how: Mishap, others: Sequence[ItemFeatures], rng: np.random.Generator
) -> ItemFeatures:
    if how == "genres missing":
        return replace(item, genres=(), simulated=(*item.simulated, "genres"))
    if how.startswith("language"):
        wrong = sorted({o.language for o in others if o.language} - {item.language}) or ["zz"]
        languages = {"language missing": None, "language odd": "zz"}
        drawn = str(wrong[int(rng.integers(len(wrong)))])
        return replace(item, language=languages.get(how, drawn))
    year = None if how == "year missing" else 0
    return replace(item, year=year, simulated=(*item.simulated, "year"))
