"""Peers: who is comparable, and how odd a value is beside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.diagnosis.peers import comparable_space, log_lift, nearest_peers, robust_z
from recsysops.model.kernel import Block
from scipy import stats

BLOCKS = (Block("genre", 0, 2), Block("year", 2, 3))


def test_comparable_space_leaves_the_suspected_block_out_and_makes_unit_rows() -> None:
    matrix = np.array([[3, 4, 100], [0, 0, 5]], dtype=np.float32)
    space = comparable_space(matrix, blocks=BLOCKS, without="year")
    assert space.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0]]


def test_every_block_counts_the_same_however_large_its_numbers_are() -> None:
    matrix = np.array([[0.03, 0.04, 100]], dtype=np.float32)
    space = comparable_space(matrix, blocks=BLOCKS, without=None)
    assert space[0].tolist() == pytest.approx([0.6 / 2**0.5, 0.8 / 2**0.5, 1 / 2**0.5])


def test_nearest_peers_are_the_most_similar_rows_but_never_the_row_itself() -> None:
    space = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    assert nearest_peers(space, of=np.array([0, 2]), k=1).tolist() == [[1], [1]]
    assert sorted(nearest_peers(space, of=np.array([0]), k=9)[0].tolist()) == [1, 2]


def test_robust_z_by_hand() -> None:
    # peers 1 2 3 4 5: median 3, absolute deviations 2 1 0 1 2, MAD 1, sigma 1.4826
    z = robust_z(np.array([6.0]), np.array([[1.0, 2, 3, 4, 5]]), scale_floor=0.1)
    assert z[0] == pytest.approx(3 / 1.4826)


def test_robust_z_agrees_with_scipy_on_random_peers() -> None:
    rng = np.random.default_rng(3)
    peers = rng.normal(size=(50, 21))
    values = rng.normal(size=50)
    oracle = (values - np.median(peers, axis=1)) / (
        1.4826 * stats.median_abs_deviation(peers, axis=1)
    )
    assert robust_z(values, peers, scale_floor=1e-9) == pytest.approx(oracle)


def test_identical_peers_do_not_make_a_small_difference_infinitely_odd() -> None:
    z = robust_z(np.array([1.1]), np.full((1, 9), 1.0), scale_floor=0.2)
    assert z[0] == pytest.approx(0.5)


def test_peers_without_a_value_say_nothing() -> None:
    assert np.isnan(robust_z(np.array([1.0]), np.full((1, 3), np.nan), scale_floor=1.0)[0])


@given(shift=st.floats(-100, 100), scale=st.floats(0.1, 50))
def test_robust_z_does_not_depend_on_unit_or_origin(shift: float, scale: float) -> None:
    rng = np.random.default_rng(0)
    peers, values = rng.normal(size=(4, 15)), rng.normal(size=4)
    plain = robust_z(values, peers, scale_floor=1e-9)
    moved = robust_z(values * scale + shift, peers * scale + shift, scale_floor=1e-9)
    assert moved == pytest.approx(plain, rel=1e-6, abs=1e-6)


def test_log_lift_by_hand() -> None:
    # 4 peers, expected 2 "ja" (half of everyone) and 2 "en"; found 3 and 1
    lift = log_lift(["en"], ["ja"], peers=[["ja", "ja", "ja", "en"]], everyone=["ja", "en"])
    assert lift[0] == pytest.approx(np.log(5 / 4) - np.log(3 / 4))


def test_a_common_value_does_not_win_by_being_common() -> None:
    everyone = ["en"] * 90 + ["ja"] * 10
    typical = ["en"] * 9 + ["ja"]
    lift = log_lift(["en"], ["ja"], peers=[typical], everyone=everyone)
    assert lift[0] == pytest.approx(0.0)


def test_a_value_that_nobody_has_stays_finite() -> None:
    lift = log_lift(["xx"], ["ja"], peers=[["ja", "ja"]], everyone=["ja", "ja"])
    assert np.isfinite(lift[0])
    assert lift[0] > 0
