from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from recsysops.serving.slate_order import diversify, reserve_launches

SCORES = np.array([4.0, 3.9, 3.8, 3.0, 1.0])
ROWS = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 0]], dtype=np.float32)


def test_a_copy_gives_way_to_what_is_different() -> None:
    # by hand: after 0 its copies are worth 2.9 and 2.8, item 3 keeps 3.0
    assert diversify(SCORES, ROWS, weight=1.0, window=5, count=5) == [0, 3, 1, 2, 4]
    # from weight 3 on even the item without content beats a copy
    assert diversify(SCORES, ROWS, weight=3.0, window=5, count=5) == [0, 3, 4, 1, 2]


def test_only_the_window_above_is_compared() -> None:
    assert diversify(SCORES, ROWS, weight=1.0, window=1, count=5) == [0, 3, 1, 2, 4]
    two_kinds = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    scores = np.array([4.0, 3.9, 3.2, 3.1])
    assert diversify(scores, two_kinds, weight=2.0, window=1, count=4) == [0, 2, 1, 3]


def test_without_weight_or_beyond_the_count_the_greedy_order_stays() -> None:
    assert diversify(SCORES, ROWS, weight=0.0, window=5, count=5) == [0, 1, 2, 3, 4]
    assert diversify(SCORES, ROWS, weight=9.0, window=5, count=1) == [0, 1, 2, 3, 4]
    assert diversify(SCORES[:0], ROWS[:0], weight=1.0, window=5, count=5) == []


def plain_mmr(scores: np.ndarray, rows: np.ndarray, weight: float, window: int) -> list[int]:
    """Maximal marginal relevance as one would write it from the paper."""
    order: list[int] = []
    while len(order) < len(scores):
        values = {}
        for at in set(range(len(scores))) - set(order):
            likeness = [
                float(rows[at] @ rows[other])
                / max(1e-12, float(np.linalg.norm(rows[at]) * np.linalg.norm(rows[other])))
                for other in order[-window:]
            ]
            values[at] = scores[at] - weight * max(likeness, default=0.0)
        order.append(max(sorted(values), key=lambda at: values[at]))
    return order


@given(st.integers(0, 10_000), st.integers(0, 20), st.sampled_from([0.1, 1.0, 10.0]),
       st.integers(1, 6))  # fmt: skip
def test_the_order_is_that_of_a_naive_reading_of_the_rule(
    seed: int, count: int, weight: float, window: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.normal(size=count))[::-1].copy()
    rows = rng.random((count, 4)).astype(np.float32)
    found = diversify(scores, rows, weight=weight, window=window, count=count)
    assert found == plain_mmr(scores, rows.astype(np.float64), weight, window)


def test_a_reserved_slot_takes_the_best_launch_from_below() -> None:
    is_launch = np.array([False] * 5 + [True, False, True])
    assert reserve_launches(list(range(8)), is_launch, (2, 4)) == [0, 5, 1, 7, 2, 3, 4, 6]


def test_a_slot_that_holds_a_launch_already_is_left_alone() -> None:
    is_launch = np.array([False, True, False, True])
    assert reserve_launches([0, 1, 2, 3], is_launch, (2,)) == [0, 1, 2, 3]
    assert reserve_launches([0, 1, 2, 3], is_launch, (2, 3)) == [0, 1, 3, 2]


def test_without_launches_nothing_moves() -> None:
    assert reserve_launches([2, 0, 1], np.zeros(3, dtype=bool), (1, 2, 3, 50)) == [2, 0, 1]


@given(st.integers(0, 10_000), st.integers(1, 30),
       st.sets(st.integers(1, 30), max_size=5).map(lambda slots: tuple(sorted(slots))))  # fmt: skip
def test_reserving_permutes_and_keeps_the_order_of_everything_else(
    seed: int, count: int, slots: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(seed)
    is_launch = rng.random(count) < 0.3
    order = reserve_launches(list(range(count)), is_launch, slots)
    assert sorted(order) == list(range(count))
    for kind in (True, False):
        kept = [at for at in order if is_launch[at] == kind]
        assert kept == sorted(kept)
    for slot in slots:
        if slot <= count and any(is_launch[at] for at in order[slot - 1 :]):
            assert is_launch[order[slot - 1]]
