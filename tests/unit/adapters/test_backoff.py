"""Waits between tries grow, stay capped, and are spread."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from recsysops.adapters.backoff import wait_between


@given(st.integers(1, 12), st.floats(0.0, 1.0))
def test_waits_are_between_half_and_all_of_the_doubling_time(attempts: int, jitter: float) -> None:
    waits: list[float] = []
    tries = wait_between(
        attempts, first_seconds=0.1, longest_seconds=1.0, sleep=waits.append, jitter=lambda: jitter
    )
    assert list(tries) == list(range(attempts))
    assert len(waits) == attempts - 1
    for number, wait in enumerate(waits):
        longest = min(1.0, 0.1 * 2.0**number)
        assert longest / 2 <= wait <= longest


def test_a_try_that_succeeds_never_sleeps() -> None:
    waits: list[float] = []
    assert next(wait_between(5, first_seconds=1, longest_seconds=9, sleep=waits.append)) == 0
    assert waits == []
