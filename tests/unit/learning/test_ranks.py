from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from recsysops.learning.ranks import (
    NOT_RANKED,
    discounted_gains,
    hits,
    rank_targets,
    reciprocal_ranks,
)

NOTHING = (np.empty(0, np.intp), np.empty(0, np.intp))


def pairs(*seen: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([q for q, _ in seen], np.intp), np.array([i for _, i in seen], np.intp)


def test_ranks_by_hand_with_ties_in_item_order() -> None:
    scores = np.array([1.0, 3.0, 3.0, 2.0])
    ranks = rank_targets(scores, targets=np.array([0, 1, 2, 3]), seen=NOTHING)
    assert ranks.tolist() == [4, 1, 2, 3]


def test_seen_items_make_room() -> None:
    scores = np.array([1.0, 3.0, 3.0, 2.0])
    ranks = rank_targets(scores, targets=np.array([3, 3]), seen=pairs((0, 1), (0, 0), (1, 2)))
    assert ranks.tolist() == [2, 2]


def test_what_is_no_candidate_is_not_ranked() -> None:
    scores = np.array([-np.inf, 3.0, 2.0])
    ranks = rank_targets(scores, targets=np.array([0, 1]), seen=pairs((1, 1)))
    assert ranks.tolist() == [NOT_RANKED, NOT_RANKED]
    assert hits(ranks).tolist() == discounted_gains(ranks).tolist() == [0.0, 0.0]
    assert reciprocal_ranks(ranks).tolist() == [0.0, 0.0]


@given(
    st.lists(st.integers(0, 4), min_size=6, max_size=6),
    st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))),
)
def test_ranks_are_those_of_a_sorted_list(values: list[int], seen: set[tuple[int, int]]) -> None:
    scores = np.array(values, dtype=np.float64)
    ranks = rank_targets(scores, targets=np.arange(6), seen=pairs(*sorted(seen)))
    for query in range(6):
        order = [i for i in sorted(range(6), key=lambda i: (-values[i], i))
                 if (query, i) not in seen]  # fmt: skip
        expected = order.index(query) + 1 if query in order else NOT_RANKED
        assert ranks[query] == expected


def test_gains_by_hand() -> None:
    ranks = np.array([1, 2, 10, 11])
    assert hits(ranks).tolist() == [1.0, 1.0, 1.0, 0.0]
    assert discounted_gains(ranks).tolist() == [1.0, 1 / math.log2(3), 1 / math.log2(11), 0.0]
    assert reciprocal_ranks(ranks).tolist() == [1.0, 0.5, 0.1, 1 / 11]
