"""Who asks when and where: a day's requests, in sessions of members, by the clock of the day."""

from __future__ import annotations

import numpy as np

from recsysops.simulation.gauntlet.columns import (
    Columns,
    Floats,
    Rows,
    as_texts,
    number_texts,
    take_rows,
)
from recsysops.simulation.gauntlet.world import SURFACES, World

DAY_SECONDS = 86_400.0
_SURFACE_SHARES = (0.6, 0.25, 0.15)
_MORE_IN_SESSION = 1.4
"""Requests that follow the first one of a session, on average."""
_PAUSE_SECONDS = 90.0
_DAY_NOISE = 0.012
_HOUR_NOISE = 0.03
_PEAK_HOUR = 20.0
_EXPLORE_RATE = 0.1
_FALLBACK_SHARE = 0.003


def ordinary_settings() -> Columns:
    """Return how serving is set up on an ordinary day, one row.

    explore_drawn: share of the planned exploration that really happens. snapshot_age: days since
    the snapshot that answers was made. empty_share: answers without any item.
    """
    return {
        "explore_rate": np.array([_EXPLORE_RATE]),
        "explore_drawn": np.array([1.0]),
        "fallback_share": np.array([_FALLBACK_SHARE]),
        "empty_share": np.array([0.0]),
        "latency_factor": np.array([1.0]),
        "snapshot_age": np.array([0.0]),
    }


def draw_requests(world: World, day: int) -> Columns:
    """Draw a day's requests in order of time.

    Columns: member (row), seconds of the day, surface, country, known, roll_out_arm, request_id.
    Members come in sessions; weekends bring more, every day a little more than the last.
    """
    rng = world.rng(20, day)
    count = _how_many(world, day, rng=rng)
    lengths = 1 + rng.poisson(_MORE_IN_SESSION, size=count)
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), count)) + 1]
    active = rng.choice(len(world.members["activity"]), len(lengths), p=world.members["activity"])
    session = np.repeat(np.arange(len(lengths)), lengths)[:count]
    place = np.arange(count) - np.searchsorted(session, session)  # 0 for a session's first
    seconds = _draw_starts(len(lengths), rng=rng)[session]
    seconds = np.minimum(seconds + place * rng.exponential(_PAUSE_SECONDS, count), 86_399.0)
    surface = as_texts(SURFACES)[rng.choice(len(SURFACES), size=count, p=_SURFACE_SHARES)]
    requests = {
        "member": active[session],
        "seconds": np.floor(seconds * 1e3) / 1e3,
        "surface": surface,
    }
    requests = take_rows(requests, np.argsort(requests["seconds"], kind="stable"))
    return describe_requests(world, requests, day=day)


def describe_requests(world: World, requests: Columns, *, day: int) -> Columns:
    """Name requests, and say of their members what the log may know."""
    member: Rows = requests["member"]
    count = len(member)
    return {
        **requests,
        "country": world.members["country"][member],
        "known": world.members["known"][member],
        "roll_out_arm": world.roll_out_arms[member],
        "request_id": number_texts(f"r-{world.seed}-{day}-", count),
    }


def _how_many(world: World, day: int, *, rng: np.random.Generator) -> int:
    weekend = world.weekend if world.date_of(day).weekday() >= 5 else 1.0
    growth = (1.0 + world.growth_per_day) ** day
    noise = np.exp(np.clip(rng.normal(0.0, _DAY_NOISE), -0.03, 0.03))
    return int(world.requests_per_day * weekend * growth * noise)


def _draw_starts(count: int, *, rng: np.random.Generator) -> Floats:
    hours = np.arange(24)
    profile = 1.0 + 0.75 * np.cos(2.0 * np.pi * (hours - _PEAK_HOUR) / 24.0)
    profile *= np.exp(rng.normal(0.0, _HOUR_NOISE, 24))
    drawn = rng.choice(24, size=count, p=profile / profile.sum())
    starts: Floats = 3600.0 * (drawn + rng.random(count))
    return starts
