from __future__ import annotations

import numpy as np
import pytest
from recsysops.learning.member_bootstrap import resample_members


def test_a_model_compared_with_itself_has_no_width() -> None:
    rng = np.random.default_rng(1)
    values = np.repeat(rng.random((300, 1)), 2, axis=1)
    means = resample_members(values, rng.integers(0, 40, 300).astype(np.int32), rng=rng)
    same = means.difference(0, 1)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    ratio = means.ratio(0, 1)
    assert (ratio.value, ratio.low, ratio.high) == (1.0, 1.0, 1.0)


def test_means_are_per_event_not_per_member() -> None:
    values = np.array([[1.0], [1.0], [1.0], [0.0]])
    members = np.array([0, 0, 0, 1], np.int32)
    means = resample_members(values, members, rng=np.random.default_rng(2))
    assert means.interval(0).value == 0.75
    assert (means.interval(0).low, means.interval(0).high) == (0.0, 1.0)


def test_repeating_every_event_of_every_member_narrows_nothing() -> None:
    rng = np.random.default_rng(3)
    values = rng.random((200, 1))
    members = rng.integers(0, 50, 200).astype(np.int32)
    once = resample_members(values, members, rng=np.random.default_rng(4)).interval(0)
    many = resample_members(
        np.repeat(values, 9, axis=0), np.repeat(members, 9), rng=np.random.default_rng(4)
    ).interval(0)
    assert (many.low, many.high) == pytest.approx((once.low, once.high))


def test_one_member_gives_an_interval_of_no_width() -> None:
    means = resample_members(
        np.array([[1.0], [0.0]]), np.zeros(2, np.int32), rng=np.random.default_rng(5)
    )
    assert (means.interval(0).low, means.interval(0).high) == (0.5, 0.5)
