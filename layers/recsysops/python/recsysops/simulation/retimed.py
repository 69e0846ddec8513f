"""Real choices on made-up days: each member's last ratings replayed over four days ending now.

By true time MovieLens leaves 23 known members in its last fifth: no traffic to audit. Here the
choices are real and only their times are not, which is why logs say traffic "re-timed".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recsysops.model.interactions import Dataset, Interactions, make_interactions, moment_of
from recsysops.simulation.attributes import SIMULATED_COLUMNS, simulate_attributes
from recsysops.simulation.holdout import draw_times_of_day, hold_out_last, spread_history
from recsysops.simulation.launch_dates import (
    LAST_LAUNCH_BEFORE_REFERENCE_DAYS,
    announce_upcoming,
    anticipate,
    burst_after_launch,
    choose_launches,
    date_recent_launches,
    plan_mishaps,
)
from recsysops.vocabulary import ItemFeatures, Window

StretchName = Literal["reference", "healthy", "broken", "recovered"]
STRETCHES: tuple[StretchName, ...] = get_args(StretchName)

_SHORTEST_HISTORY_DAYS = 28.0


@dataclass(frozen=True, slots=True)
class TrafficRequest:
    """One request to send, and the item that the member really chose, one day of their life."""

    request_id: str
    event_id: str
    member_id: str
    item_id: str
    event_time: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """A day of traffic, ascending by time."""

    window: Window
    requests: tuple[TrafficRequest, ...]


@dataclass(frozen=True, slots=True)
class RetimedWorld:
    """Catalogue, training rows and four days of traffic.

    items: launched ones, as of the reference day's batch, ascending by id; upcoming: not yet
    launched at the end of the last stretch, and chosen by nobody. Training rows end before the
    reference window. Held-out rows are spread over the stretches at random, so that stretches
    are exchangeable; within a stretch each member's requests keep their true order.
    `mishaps` are upcoming items as a late batch delivers them after the last stretch, with metadata
    that is lost or wrong: the truth that flags are graded by.
    """

    items: tuple[ItemFeatures, ...]
    training: Interactions
    stretches: Mapping[StretchName, Stretch]
    upcoming: tuple[ItemFeatures, ...]
    simulated_columns: tuple[str, ...]
    mishaps: Mapping[str, ItemFeatures] = field(default_factory=dict)


def build_retimed_world(
    dataset: Dataset, *, seed: int, end: datetime, requests_per_stretch: int = 1200
) -> RetimedWorld:
    """Build the demo's world: four stretches of a day each, the last one ending at `end`.

    The same data set, seed and end give the same world.

    Raises: BadInput when the data set has too few rows to hold out.
    """
    rng = np.random.default_rng([seed, 10])
    windows = _windows(end)
    reference_start = windows["reference"].start
    upcoming, recent = choose_launches(dataset.interactions, rng=rng)
    rows = dataset.interactions.take(~np.isin(dataset.interactions.items, upcoming))
    held_out = hold_out_last(rows, count=len(STRETCHES) * requests_per_stretch, rng=rng)
    training, history_start = _retime_training(
        rows.take(~held_out), start=reference_start, per_day=requests_per_stretch, rng=rng
    )
    described = simulate_attributes(
        dataset.items, training, seed=seed, batch=reference_start.date()
    )
    described = _await_launches(described, dataset.interactions, [*upcoming, *recent], rng=rng)
    described, training = _launch_recent(
        described, training, recent, since=history_start, until=reference_start, rng=rng
    )
    coming = announce_upcoming([described[row] for row in upcoming], end=end.date(), rng=rng)
    gone = set(upcoming.tolist())
    return RetimedWorld(
        items=tuple(item for row, item in enumerate(described) if row not in gone),
        training=training,
        stretches=_stretches(rows.take(held_out), windows=windows, seed=seed, rng=rng),
        upcoming=tuple(sorted(coming, key=lambda item: item.item_id)),
        simulated_columns=SIMULATED_COLUMNS,
        mishaps=plan_mishaps(coming, rng=rng),
    )


def _windows(end: datetime) -> dict[StretchName, Window]:
    day = timedelta(days=1)
    start = end - len(STRETCHES) * day
    return {
        name: Window(start + place * day, start + (place + 1) * day)
        for place, name in enumerate(STRETCHES)
    }


def _retime_training(
    rows: Interactions, *, start: datetime, per_day: int, rng: np.random.Generator
) -> tuple[Interactions, datetime]:
    days = max(_SHORTEST_HISTORY_DAYS, round(len(rows) / per_day))
    times = spread_history(rows, end=start.timestamp(), days=days, rng=rng)
    return _at_times(rows, times), start - timedelta(days=days)


def _await_launches(
    items: tuple[ItemFeatures, ...],
    interactions: Interactions,
    launches: Sequence[int],
    *,
    rng: np.random.Generator,
) -> tuple[ItemFeatures, ...]:
    codes = np.array(launches, dtype=np.intp)
    signs = dict(zip(codes.tolist(), anticipate(interactions, codes, rng=rng), strict=True))
    return tuple(
        replace(item, anticipation=signs[row]) if row in signs else item
        for row, item in enumerate(items)
    )


def _launch_recent(
    items: tuple[ItemFeatures, ...],
    training: Interactions,
    recent: NDArray[np.intp],
    *,
    since: datetime,
    until: datetime,
    rng: np.random.Generator,
) -> tuple[tuple[ItemFeatures, ...], Interactions]:
    """Date some launches inside the history and move what was chosen of them after the launch."""
    days = date_recent_launches(
        len(recent),
        first=since.date() + timedelta(days=7),
        last=until.date() - timedelta(days=LAST_LAUNCH_BEFORE_REFERENCE_DAYS),
        rng=rng,
    )
    launch_of = dict(zip(recent.tolist(), days, strict=True))
    dated = tuple(replace(item, launch_date=launch_of.get(row)) for row, item in enumerate(items))
    launched_at = np.full(len(items), np.nan)
    launched_at[recent] = [_midnight(day) for day in days]
    moved = np.isfinite(launched_at[training.items])
    times = training.times.copy()
    times[moved] = burst_after_launch(
        launched_at[training.items[moved]], until=until.timestamp(), rng=rng
    )
    return dated, _at_times(training, times)


def _at_times(rows: Interactions, times: NDArray[np.float64]) -> Interactions:
    """Return the same choices at other times."""
    return make_interactions(
        members=[rows.member_ids[code] for code in rows.members],
        items=[rows.item_ids[code] for code in rows.items],
        times=times,
        values=rows.values,
        item_ids=rows.item_ids,
    )


def _stretches(
    held_out: Interactions,
    *,
    windows: Mapping[StretchName, Window],
    seed: int,
    rng: np.random.Generator,
) -> dict[StretchName, Stretch]:
    place = rng.permutation(np.arange(len(held_out)) % len(STRETCHES))
    return {
        name: _one_stretch(held_out.take(place == number), windows[name], seed=seed, rng=rng)
        for number, name in enumerate(STRETCHES)
    }


def _one_stretch(
    rows: Interactions, window: Window, *, seed: int, rng: np.random.Generator
) -> Stretch:
    times = draw_times_of_day(len(rows), start=window.start.timestamp(), rng=rng)
    by_member = np.argsort(rows.members, kind="stable")  # rows ascend by true time within each
    times = times[np.lexsort((times, rows.members[by_member]))]
    requests = [
        _request(rows.member_ids[rows.members[row]], rows.item_ids[rows.items[row]], time, seed)
        for row, time in zip(by_member.tolist(), times.tolist(), strict=True)
    ]
    return Stretch(window, tuple(sorted(requests, key=lambda r: (r.event_time, r.request_id))))


def _request(member_id: str, item_id: str, seconds: float, seed: int) -> TrafficRequest:
    moment = moment_of(round(seconds * 1000.0) / 1000.0)
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    identity = f"{seed}|{member_id}|{item_id}|{moment.isoformat()}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return TrafficRequest(f"r-{digest}", f"e-{digest}", member_id, item_id, moment)


def _midnight(day: date) -> float:
    return (day - date(1970, 1, 1)).days * 86_400.0
