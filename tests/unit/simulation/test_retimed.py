from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from recsysops.errors import BadInput
from recsysops.model.delta import launch_day
from recsysops.model.interactions import Dataset
from recsysops.simulation.holdout import hold_out_last, rows_from_end, spread_history
from recsysops.simulation.launch_dates import spoil_metadata
from recsysops.simulation.members import SimulatedWorld
from recsysops.simulation.retimed import STRETCHES, RetimedWorld, build_retimed_world

from tests.fakes.choices import rows_of

END = datetime(2026, 1, 10, 15, 20, 30, 123456, tzinfo=UTC)
SOURCE = SimulatedWorld(seed=31, n_members=150, n_items=300)
BIG = SimulatedWorld(seed=32, n_members=400, n_items=600)
DATASET = Dataset(
    "made up",
    SOURCE.interactions,
    tuple(replace(item, language=None, price=None, in_stock=None) for item in SOURCE.items),
)


@cache
def big_world() -> RetimedWorld:
    return build_retimed_world(
        Dataset("big", BIG.interactions, BIG.items), seed=1, end=END, requests_per_stretch=200
    )


@pytest.fixture(scope="module")
def world() -> RetimedWorld:
    return build_retimed_world(DATASET, seed=5, end=END, requests_per_stretch=300)


def test_four_days_in_a_row_end_now_with_as_many_requests_each(world: RetimedWorld) -> None:
    assert list(world.stretches) == list(STRETCHES)
    windows = [stretch.window for stretch in world.stretches.values()]
    assert [window.end - window.start for window in windows] == [timedelta(days=1)] * 4
    assert [window.end for window in windows[:-1]] == [window.start for window in windows[1:]]
    assert windows[-1].end == END
    assert {len(stretch.requests) for stretch in world.stretches.values()} == {300}


def test_every_request_is_inside_its_window_in_order_and_in_milliseconds(
    world: RetimedWorld,
) -> None:
    for stretch in world.stretches.values():
        times = [request.event_time for request in stretch.requests]
        assert times == sorted(times)
        assert stretch.window.start <= times[0] + timedelta(milliseconds=1)
        assert times[-1] < stretch.window.end
        assert {time.microsecond % 1000 for time in times} == {0}


def test_training_ends_before_the_reference_day(world: RetimedWorld) -> None:
    start = world.stretches["reference"].window.start.timestamp()
    assert world.training.times[-1] < start
    assert world.training.times[-1] > start - 86_400.0


def test_traffic_and_training_share_no_choice_and_lose_only_launches(world: RetimedWorld) -> None:
    real = list(zip(SOURCE.interactions.members, SOURCE.interactions.items, strict=True))
    ids = SOURCE.interactions
    everything = {(ids.member_ids[m], ids.item_ids[i]) for m, i in real}
    rows = world.training
    trained = {
        (rows.member_ids[m], rows.item_ids[i])
        for m, i in zip(rows.members, rows.items, strict=True)
    }
    sent = [(r.member_id, r.item_id) for s in world.stretches.values() for r in s.requests]
    assert len(set(sent)) == len(sent)
    assert not trained & set(sent)
    assert trained | set(sent) <= everything
    launched = {item.item_id for item in world.items if item.launch_date is not None}
    upcoming = {item.item_id for item in world.upcoming}
    lost = {item for _, item in everything - trained - set(sent)}
    assert lost <= launched | upcoming


def test_the_held_out_rows_are_each_members_last(world: RetimedWorld) -> None:
    upcoming = {item.item_id for item in world.upcoming}
    rows = SOURCE.interactions
    order: dict[str, list[str]] = {}
    for member, item in zip(rows.members, rows.items, strict=True):
        if rows.item_ids[item] not in upcoming:
            order.setdefault(rows.member_ids[member], []).append(rows.item_ids[item])
    for member, items in order.items():
        sent = {
            r.item_id for s in world.stretches.values() for r in s.requests
            if r.member_id == member
        }  # fmt: skip
        assert set(items[len(items) - len(sent) :]) == sent
        assert len(sent) <= len(items) / 2


def test_a_members_requests_keep_their_true_order_within_a_stretch(world: RetimedWorld) -> None:
    rows = SOURCE.interactions
    true_time = {
        (rows.member_ids[m], rows.item_ids[i]): t
        for m, i, t in zip(rows.members, rows.items, rows.times, strict=True)
    }
    compared = 0
    for stretch in world.stretches.values():
        times: dict[str, list[float]] = {}
        for request in stretch.requests:
            times.setdefault(request.member_id, []).append(
                true_time[request.member_id, request.item_id]
            )
        for own in times.values():
            assert own == sorted(own)
            compared += len(own) > 1
    assert compared > 50


def test_nobody_chooses_an_item_before_its_launch(world: RetimedWorld) -> None:
    launch = {item.item_id: item.launch_date for item in world.items if item.launch_date}
    rows = world.training
    checked = 0
    for item, time in zip(rows.items, rows.times, strict=True):
        day = launch.get(rows.item_ids[item])
        if day is not None:
            assert datetime.fromtimestamp(time, UTC).date() >= day
            checked += 1
    assert launch
    assert checked


def test_upcoming_items_launch_in_one_to_two_weeks_and_nobody_chose_them(
    world: RetimedWorld,
) -> None:
    assert world.upcoming
    ahead = [(item.launch_date - END.date()).days for item in world.upcoming if item.launch_date]
    assert len(ahead) == len(world.upcoming)
    assert all(7 <= days <= 14 for days in ahead)
    upcoming = {item.item_id for item in world.upcoming}
    assert not upcoming & {item.item_id for item in world.items}
    rows = world.training
    assert not upcoming & {rows.item_ids[item] for item in np.unique(rows.items)}
    assert not upcoming & {r.item_id for s in world.stretches.values() for r in s.requests}


def test_every_second_upcoming_item_has_a_mishap_from_most_to_least_awaited() -> None:
    world = big_world()
    awaited = sorted(world.upcoming, key=lambda item: (-(item.anticipation or 0), item.item_id))
    assert [item.item_id for item in awaited[::2]] == list(world.mishaps)
    for item in awaited[::2]:
        mishap = world.mishaps[item.item_id]
        damaged = [
            n for n in ("genres", "year", "language") if getattr(item, n) != getattr(mishap, n)
        ]
        assert len(damaged) == 1
        assert damaged[0] in mishap.simulated
        spoiled = spoil_metadata(replace(item, price=1.0), mishap)
        assert spoiled == replace(mishap, price=1.0, version=item.version + 1)


def test_only_launches_are_awaited_and_about_as_much_as_they_were_really_chosen() -> None:
    world = big_world()
    launches = [item for item in (*world.items, *world.upcoming) if item.launch_date]
    assert all(item.anticipation is not None for item in launches)
    assert all(i.anticipation is None for i in world.items if i.launch_date is None)
    rows = BIG.interactions
    chosen = dict(
        zip(rows.item_ids, np.bincount(rows.items, minlength=len(rows.item_ids)), strict=True)
    )
    ratio = [(item.anticipation or 0.0) / chosen[item.item_id] for item in launches]
    assert 0.8 < np.median(ratio) < 1.25
    assert np.std(ratio) > 0.1


def test_choices_of_recent_launches_come_as_a_burst_and_none_is_lost() -> None:
    world = big_world()
    rows = world.training
    code = {item_id: number for number, item_id in enumerate(rows.item_ids)}
    first_weeks = []
    for item in world.items:
        if item.launch_date is not None:
            days = (rows.times[rows.items == code[item.item_id]] / 86_400.0) - launch_day(
                item.launch_date
            )
            assert days.min() >= 0
            first_weeks.append((days < 7).mean())
    assert len(first_weeks) >= 20
    assert 0.6 < np.mean(first_weeks) < 0.9
    held_out = sum(len(stretch.requests) for stretch in world.stretches.values())
    upcoming = {item.item_id for item in world.upcoming}
    kept = [BIG.interactions.item_ids[i] not in upcoming for i in BIG.interactions.items]
    assert len(rows) + held_out == sum(kept)


def test_every_item_names_its_simulated_columns(world: RetimedWorld) -> None:
    for item in (*world.items, *world.upcoming):
        assert set(world.simulated_columns) <= set(item.simulated)


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    one, two = (
        build_retimed_world(DATASET, seed=6, end=END, requests_per_stretch=200) for _ in range(2)
    )
    other = build_retimed_world(DATASET, seed=7, end=END, requests_per_stretch=200)
    assert (one.items, one.upcoming, one.stretches) == (two.items, two.upcoming, two.stretches)
    assert one.training.content_hash == two.training.content_hash
    assert one.training.content_hash != other.training.content_hash
    assert one.stretches["reference"].requests != other.stretches["reference"].requests


def test_stretches_are_exchangeable_none_gets_later_choices_than_another() -> None:
    rows = SOURCE.interactions
    place = {
        (rows.member_ids[m], rows.item_ids[i]): p
        for m, i, p in zip(rows.members, rows.items, rows_from_end(rows), strict=True)
    }
    means = np.array([
        [
            np.mean([place[r.member_id, r.item_id] for r in stretch.requests])
            for stretch in build_retimed_world(
                DATASET, seed=seed, end=END, requests_per_stretch=200
            ).stretches.values()
        ]
        for seed in range(8)
    ])  # fmt: skip
    gap = means.mean(axis=0) - means.mean()
    assert np.abs(gap).max() < 3.5 * means.std() / np.sqrt(8)


def test_too_small_a_data_set_says_how_much_it_has() -> None:
    with pytest.raises(BadInput, match="this data set has"):
        build_retimed_world(DATASET, seed=1, end=END, requests_per_stretch=5000)


def test_holding_out_by_hand() -> None:
    rows = rows_of([("a", str(n), n) for n in range(6)] + [("b", str(n), n + 0.5) for n in (1, 2)])
    held = hold_out_last(rows, count=4, rng=np.random.default_rng(1))
    kept = rows.take(held)
    assert [rows.member_ids[member] for member in kept.members] == ["b", "a", "a", "a"]
    assert kept.items.tolist() == [2, 3, 4, 5]


def test_a_spread_history_keeps_each_members_order_and_ends_in_time() -> None:
    rows = rows_of([("a", str(n), 0.0 if n else 9.0) for n in range(5)] + [("b", "1", 3.0)])
    times = spread_history(rows, end=1e9, days=10.0, rng=np.random.default_rng(2))
    own = times[rows.members == 0]
    assert (np.diff(own) >= 0).all()
    assert times.max() <= 1e9
    assert times.min() >= 1e9 - 10 * 86_400.0
