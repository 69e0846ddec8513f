"""Shares of things that move by themselves: the luck of a few is not taken for a change of all."""

import math

import numpy as np
import pytest
from recsysops.statistics.moving_shares import Taken, compare_moving_shares

GROUPS = 32


def grouped(before: np.ndarray, now: np.ndarray) -> Taken:
    group = np.arange(len(before)) % GROUPS
    sums = (np.bincount(group, side, minlength=GROUPS).astype(float) for side in (before, now))
    return Taken(*sums, squared=float(np.square(before).sum()))


def test_one_thing_that_doubled_among_four_is_the_error_of_its_part() -> None:
    before, now = np.full(8, 100.0), np.array([200.0, *[100.0] * 7])
    whole, part = grouped(before, now), grouped(before[:4], now[:4])
    found = compare_moving_shares(part, whole)
    assert float(found.value) == pytest.approx(math.log((500.5 / 900.5) / (400.5 / 800.5)))
    # shares moved by 200/900 - 1/8 once and 1/9 - 1/8 seven times; eight equal things, four of them
    moved = (200 / 900 - 1 / 8) ** 2 + 7 * (1 / 9 - 1 / 8) ** 2
    assert float(found.error) >= math.sqrt(moved * 8 / 4) * (1 - 1e-12)
    assert float(found.p_value) > 0.1


def test_a_part_is_called_changed_as_seldom_as_its_p_value_says() -> None:
    rng = np.random.default_rng(12)
    p_values = []
    for _ in range(150):
        before = rng.lognormal(3.0, 1.5, size=300)
        now = before * rng.lognormal(0.0, 0.25, size=300)
        part = slice(0, 20)
        p_values.append(
            float(
                compare_moving_shares(
                    grouped(before[part], now[part]), grouped(before, now)
                ).p_value
            )
        )
    assert np.mean(np.array(p_values) < 0.05) <= 0.09
    assert np.mean(np.array(p_values) < 0.001) <= 0.007


def test_a_part_that_vanished_whole_is_beyond_chance() -> None:
    before = np.random.default_rng(1).lognormal(3.0, 1.0, size=300)
    now = before * np.random.default_rng(2).lognormal(0.0, 0.2, size=300)
    now[:30] = 0.0
    found = compare_moving_shares(grouped(before[:30], now[:30]), grouped(before, now))
    assert float(found.p_value) < 1e-7


def test_nothing_before_is_no_test() -> None:
    nothing = Taken(np.zeros(GROUPS), np.ones(GROUPS), squared=0.0)
    assert math.isnan(float(compare_moving_shares(nothing, nothing).p_value))
