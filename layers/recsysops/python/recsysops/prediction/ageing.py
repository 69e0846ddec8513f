"""How popularity of items already launched moves on while they age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.model.delta import DeltaSnapshot, launch_day
from recsysops.model.kernel import Float64Array

AGE_EDGES_DAYS = (0, 4, 8, 15, 29, 57, 120)
"""Lower ends of the age groups; the last group is open and holds what launched long ago."""

_MIN_ITEMS = 8
_MIN_PLAYS = 3.0
_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class AgeingCurve:
    """Expected daily change of log decayed plays, (age groups, half-lives).

    Of plays, not of log (plays + smoothing): smoothing keeps small items from falling, so its
    median change would leave the large ones, which fill the top k, too high.
    """

    daily_change: Float64Array
    smoothing: float

    def age_popularity(
        self, delta: DeltaSnapshot, *, as_of_day: int, horizon_days: float
    ) -> Float64Array:
        """Return expected log popularity (n, half-lives) of a snapshot `horizon_days` later."""
        groups = age_groups(delta, day=as_of_day)
        growth = np.exp(self.daily_change[groups] * horizon_days)
        aged: Float64Array = np.log(decayed_plays(delta, self.smoothing) * growth + self.smoothing)
        return aged


def still_popularity(half_lives: int, *, smoothing: float) -> AgeingCurve:
    """Return the curve that expects no change: used when no earlier snapshot is kept."""
    return AgeingCurve(np.zeros((len(AGE_EDGES_DAYS), half_lives)), smoothing)


def fit_ageing(earlier: DeltaSnapshot, later: DeltaSnapshot, *, smoothing: float) -> AgeingCurve:
    """Learn the median change by age group from two snapshots of the same items.

    Only items that had launched and had plays at the earlier snapshot count; groups of fewer
    than eight are taken not to change. Snapshots less than a day apart give no change at all.
    """
    days_apart = (later.as_of - earlier.as_of).total_seconds() / _SECONDS_PER_DAY
    still = still_popularity(len(later.half_life_days), smoothing=smoothing)
    if days_apart < 1.0 or earlier.half_life_days != later.half_life_days:
        return still
    curve = still.daily_change.copy()
    row_of = {item.item_id: row for row, item in enumerate(later.items)}
    common = [row_of.get(item.item_id, -1) for item in earlier.items]
    rows = np.array(common, dtype=np.intp)
    before = decayed_plays(earlier, smoothing)
    after = decayed_plays(later, smoothing)[rows]
    day = int(earlier.as_of.timestamp() // _SECONDS_PER_DAY)
    usable = (rows >= 0) & _launched(earlier, day=day) & (before >= _MIN_PLAYS).all(axis=1)
    groups = np.where(usable, age_groups(earlier, day=day), -1)
    for group in range(len(AGE_EDGES_DAYS)):
        inside = groups == group
        if inside.sum() >= _MIN_ITEMS:
            change = np.log(np.maximum(after[inside], 0.1) / before[inside])
            curve[group] = np.median(change, axis=0) / days_apart
    return AgeingCurve(curve, smoothing)


def decayed_plays(delta: DeltaSnapshot, smoothing: float) -> Float64Array:
    """Return decayed plays (n, half-lives), never below zero."""
    plays: Float64Array = np.exp(delta.log_popularity.astype(np.float64)) - smoothing
    return np.maximum(plays, 0.0)


def age_groups(delta: DeltaSnapshot, *, day: int) -> NDArray[np.intp]:
    """Return each item's age group on a day (days since 1970), (n,); unlaunched items get 0."""
    ages = day - _launch_days(delta)
    groups = np.searchsorted(np.array(AGE_EDGES_DAYS), ages, side="right") - 1
    return np.maximum(groups, 0)


def _launched(delta: DeltaSnapshot, *, day: int) -> NDArray[np.bool_]:
    return _launch_days(delta) <= day


def _launch_days(delta: DeltaSnapshot) -> NDArray[np.int64]:
    return np.array([launch_day(item.launch_date) for item in delta.items], dtype=np.int64)
