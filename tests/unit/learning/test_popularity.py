from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.learning.days import walk_days
from recsysops.learning.histories import index_members
from recsysops.learning.popularity import decayed_plays, fit_half_life, log_popularity
from recsysops.model.interactions import SECONDS_PER_DAY

from tests.fakes.choices import START, rows_of

DAYS = st.floats(0.0, 40.0).map(lambda days: round(days, 3))


def at(days: float) -> float:
    return START + days * SECONDS_PER_DAY


def test_a_play_one_half_life_old_counts_one_half() -> None:
    rows = rows_of([("a", "x", 0.0), ("b", "x", 2.0), ("a", "y", 4.0)])
    counts = decayed_plays(rows, at=at(4.0), half_life_days=(2.0, math.inf))
    assert counts[0].tolist() == pytest.approx([0.25 + 0.5, 2.0])
    assert counts[1].tolist() == [0.0, 0.0]  # at the moment itself: not yet


def test_log_popularity_of_nothing_is_the_smoothing() -> None:
    assert log_popularity(np.array([0.0, 0.9])).tolist() == pytest.approx([math.log(0.1), 0.0])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), DAYS), min_size=1),
    st.floats(0.5, 20.0),
)
def test_every_midnight_of_a_walk_knows_what_brute_force_knows(
    triples: list[tuple[str, str, float]], half_life_days: float
) -> None:
    rows = rows_of(triples)
    events = np.arange(len(rows))
    walked = []
    for day in walk_days(rows, events=events, half_life_days=(half_life_days, math.inf)):
        ages = (day.start - rows.times) / SECONDS_PER_DAY
        for item in range(len(rows.item_ids)):
            own = ages[(rows.items == item) & (ages > 0)]
            assert day.counts[item, 0] == pytest.approx((0.5 ** (own / half_life_days)).sum())
            assert day.counts[item, 1] == len(own)
            assert day.recent[item] == (own <= 30).sum()
            assert day.known[item] == (len(own) > 0)
        walked.extend(day.events.tolist())
        assert (np.floor(rows.times[day.events] / SECONDS_PER_DAY) * SECONDS_PER_DAY
                == day.start).all()  # fmt: skip
    assert walked == events.tolist()


def test_changing_the_future_changes_no_midnight_before_it() -> None:
    rng = np.random.default_rng(1)
    days = np.sort(rng.random(300) * 30.0)
    members, items = rng.integers(0, 9, 300).astype(str), rng.integers(0, 20, 300).astype(str)
    names = [str(item) for item in range(20)]
    late = days >= 20.0
    shuffled = items.copy()
    shuffled[late] = rng.permutation(items[late])[::-1]

    def walk(chosen: np.ndarray) -> list[bytes]:
        rows = rows_of(list(zip(members, chosen, days, strict=True)), items=names)
        first = np.flatnonzero(rows.times < at(20.0))
        return [
            day.counts.tobytes() + day.recent.tobytes() + day.known.tobytes()
            for day in walk_days(rows, events=first, half_life_days=(3.0,))
        ]

    assert (shuffled != items).any()
    assert walk(items) == walk(shuffled)


def test_a_short_half_life_is_found_where_tastes_change_daily() -> None:
    # every day one new item is what everybody chooses, and nobody looks back
    triples = [
        (f"m{member}", f"i{day if hour else day - 1:03d}", day + 0.1 * hour + member * 1e-4)
        for day in range(1, 40)
        for hour in range(2)
        for member in range(30)
        if (day + member) % 3
    ]
    rows = rows_of(triples)
    events = np.arange(len(rows) // 2, len(rows))
    days, gains = fit_half_life(rows, index_members(rows), events=events)
    assert days <= 3.0
    assert gains[days] >= gains[1000.0]


def test_a_long_half_life_is_found_where_tastes_never_change() -> None:
    rng = np.random.default_rng(2)
    weights = 1.0 / np.arange(1, 201)
    items = rng.choice(200, size=6000, p=weights / weights.sum())
    days = np.sort(rng.random(6000) * 60.0)
    rows = rows_of([(f"m{n}", f"i{item:03d}", day)
                    for n, (item, day) in enumerate(zip(items, days, strict=True))])  # fmt: skip
    events = np.arange(4500, 6000)
    chosen, gains = fit_half_life(rows, index_members(rows), events=events)
    assert chosen >= 5.0
    assert gains[chosen] > gains[0.5]
