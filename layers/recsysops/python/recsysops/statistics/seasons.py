"""Expects the events of a stretch of time from another one, by hour of the week.

A reference is a set of hours of the week, each seen for some time; what is expected of a window
is linear in the reference's counts, so that group sums, and the jackknife with them, go along.
From three weeks on an hour is the median of its weeks: the middle week, or the two middle ones,
stand for all, with their group sums, and one wild week changes nothing but who is in the middle.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from recsysops.statistics.student import Floats

HOURS_OF_WEEK: Final = 168
LEAST_WEEKS: Final = 3
"""The fewest whole looks at an hour of the week that have a median; fewer are averaged."""
Profile = Literal["hour of week", "hour of day", "mean"]
"""What an expectation rests on: the same hours of the week, where the reference lacks some the
same hours of other days, where it lacks those too the mean of all its hours."""

_NORMAL_MAD = 1.4826
"""Standard deviation of a normal over its median absolute deviation."""
_FEW_LOOKS: Final = {3: 1.495, 4: 1.363, 5: 1.206, 6: 1.2, 7: 1.14, 8: 1.129, 9: 1.107}
"""What a MAD of so few looks falls short by: Croux and Rousseeuw, Time-Efficient Algorithms for Two
Highly Robust Estimators of Scale (1992)."""

_HOUR = timedelta(hours=1)
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


def week_hours(start: datetime, end: datetime) -> Floats:
    """Return how many hours of [start, end) fall into each hour of the week, (168,), UTC.

    Hour 0 begins on Monday at midnight. Aware moments; an empty stretch gives zeros.

    >>> monday = datetime(2026, 3, 2, tzinfo=UTC)
    >>> week_hours(monday, monday + 1.5 * _HOUR)[:3].tolist()
    [1.0, 0.5, 0.0]
    """
    begin, stop = ((moment - _MONDAY) / _HOUR for moment in (start, end))
    first = np.arange(np.floor(begin), np.ceil(stop))
    seen = np.clip(np.minimum(first + 1.0, stop) - np.maximum(first, begin), 0.0, 1.0)
    places = (first % HOURS_OF_WEEK).astype(np.intp)
    return np.bincount(places, weights=seen, minlength=HOURS_OF_WEEK).astype(np.float64)


def hours_by_week(start: datetime, end: datetime) -> tuple[int, Floats]:
    """Return the number of the first week, and the hours of [start, end) by week, (w, 168).

    Weeks begin on Monday and are counted from that of 1970-01-05.

    >>> monday = datetime(2026, 3, 2, tzinfo=UTC)
    >>> first, seen = hours_by_week(monday - _HOUR, monday + _HOUR)
    >>> first == (monday - _MONDAY).days // 7 - 1, seen.shape, float(seen[0, 167])
    (True, (2, 168), 1.0)
    """
    week = HOURS_OF_WEEK * _HOUR
    first, last = (start - _MONDAY) // week, -(-(end - _MONDAY) // week)
    edges = [_MONDAY + number * week for number in range(first, last + 1)]
    parts = [week_hours(max(start, begin), min(end, stop)) for begin, stop in pairwise(edges)]
    return first, np.array(parts).reshape(-1, HOURS_OF_WEEK)


def typical_week(counts: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Return the counts that stand for an hour of the week, (168, g), and over how many hours.

    Args:
        counts: by week, hour of the week and group, (w, 168, g).
        seen: how long each hour was looked at, (w, 168); only whole looks have a median.

    Hours with fewer than LEAST_WEEKS whole looks are the sum of what there is.
    """
    whole = seen >= 1.0
    looks = whole.sum(axis=0)
    robust = looks >= LEAST_WEEKS
    if not robust.any():
        return counts.sum(axis=0), seen.sum(axis=0)
    totals = np.where(whole, counts.sum(axis=2), np.inf)
    order = np.argsort(totals, axis=0, kind="stable")
    hours = np.arange(HOURS_OF_WEEK)
    low, high = (order[np.maximum(looks - 1, 0) // 2, hours], order[looks // 2 % len(order), hours])
    middle = counts[low, hours] + np.where(low == high, 0.0, 1.0)[:, None] * counts[high, hours]
    return (
        np.where(robust[:, None], middle, counts.sum(axis=0)),
        np.where(robust, np.where(low == high, 1.0, 2.0), seen.sum(axis=0)),
    )


def week_dispersion(counts: Floats, seen: Floats) -> float:
    """Return variance over mean of an hour between weeks, once each week's own level is removed.

    The scale of an hour is the MAD of its weeks; hours are pooled, because three or four looks
    tell little of one. 1 (Poisson) at least, and where there are fewer than LEAST_WEEKS weeks.

    Args:
        counts: (w, 168). seen: (w, 168); only hours that all weeks looked at whole are used.
    """
    weeks = len(counts)
    if weeks < LEAST_WEEKS:
        return 1.0
    used = (seen >= 1.0).all(axis=0) & (np.median(counts, axis=0) > 0)
    if not used.any():
        return 1.0
    looked = counts[:, used]
    levels = np.median(looked / np.median(looked, axis=0), axis=1)
    level = looked / np.maximum(levels, 1e-12)[:, None]
    typical = np.median(level, axis=0)
    deviation = np.median(np.abs(level - typical), axis=0)
    scale = _NORMAL_MAD * _FEW_LOOKS.get(weeks, 1.0) * deviation / np.sqrt(np.maximum(typical, 1.0))
    return float(max(1.0, scale.mean() ** 2))


def season_weights(observed: Floats, asked: Floats) -> tuple[Floats, Profile]:
    """Return m (168,) such that m @ counts is expected of a window, and what that rests on.

    Args:
        observed: hours that the reference spent in each hour of the week, (168,).
        asked: the same of the window; hours the reference lacks take the next best profile.

    A reference without any hour gives zeros.
    """
    weights = np.zeros(HOURS_OF_WEEK)
    profiles: set[Profile] = {"hour of week"}
    for hour in np.flatnonzero(asked):
        alike, profile = _alike_hours(observed, int(hour))
        weights[alike] += asked[hour] / max(float(observed[alike].sum()), 1e-12)
        profiles.add(profile)
    order: tuple[Profile, ...] = ("mean", "hour of day", "hour of week")
    return weights, next(profile for profile in order if profile in profiles)


def _alike_hours(observed: Floats, hour: int) -> tuple[np.ndarray, Profile]:
    if observed[hour] > 0:
        return np.array([hour]), "hour of week"
    same_time = np.arange(hour % 24, HOURS_OF_WEEK, 24)
    same_time = same_time[observed[same_time] > 0]
    if len(same_time):
        return same_time, "hour of day"
    return np.flatnonzero(observed > 0), "mean"
