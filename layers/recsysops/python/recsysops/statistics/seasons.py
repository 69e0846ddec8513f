"""Expects the events of a stretch of time from another one, by hour of the week.

A reference is a set of hours of the week, each seen for some time; what is expected of a window
is linear in the reference's counts, so that group sums, and the jackknife with them, go along.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import numpy as np

from recsysops.statistics.student import Floats

HOURS_OF_WEEK: Final = 168
Profile = Literal["hour of week", "hour of day", "mean"]
"""What an expectation rests on: the same hours of the week, where the reference lacks some the
same hours of other days, where it lacks those too the mean of all its hours."""

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
