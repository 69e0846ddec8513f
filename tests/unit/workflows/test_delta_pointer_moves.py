"""The delta pointer never goes back in time, and re-timed traffic keeps its own clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from recsysops.workflows.load_catalogue import read_delta_pointer
from recsysops.workflows.publish_delta import moment_to_publish

from tests.unit.workflows.test_publish_delta import ITEMS, LATER, Bench


def test_a_publication_that_began_earlier_does_not_win_because_it_ended_later() -> None:
    bench = Bench()
    newer = bench.publish(as_of=LATER)
    bench.publish(as_of=LATER - timedelta(hours=1))
    assert read_delta_pointer(bench.blobs).delta_id == newer


def test_another_catalogue_of_the_same_moment_is_served() -> None:
    """Where traffic is re-timed the clock stands, and upstream jobs go on all the same."""
    bench = Bench()
    bench.publish(as_of=LATER)
    bench.items.put_many([replace(ITEMS[0], title="Another title")])
    newer = bench.publish(as_of=LATER)
    assert read_delta_pointer(bench.blobs).delta_id == newer


def test_a_later_moment_moves_the_pointer_on() -> None:
    bench = Bench()
    bench.publish(as_of=LATER)
    newer = bench.publish(as_of=LATER + timedelta(hours=1))
    assert read_delta_pointer(bench.blobs).delta_id == newer


def test_retimed_traffic_stands_at_the_newest_snapshots_moment_and_live_traffic_at_now() -> None:
    bench = Bench()
    now = LATER + timedelta(days=9)
    assert moment_to_publish(bench.blobs, now=now, retimed=True) == now
    bench.publish(as_of=LATER)
    assert moment_to_publish(bench.blobs, now=now, retimed=True) == LATER
    assert moment_to_publish(bench.blobs, now=now, retimed=False) == now
