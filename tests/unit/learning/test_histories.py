from __future__ import annotations

import numpy as np
import pytest
from recsysops.learning.histories import Queries, index_members, seen_pairs, sum_histories
from recsysops.model.interactions import SECONDS_PER_DAY

from tests.fakes.choices import START, rows_of, simulated_table

ROWS = rows_of([("a", "x", 0.0), ("a", "y", 1.0), ("b", "x", 1.5), ("a", "x", 2.0)])
TRAITS = np.array([[1.0, 0.0], [0.0, 1.0]])


def ask(member: int, days: float) -> Queries:
    return Queries(np.array([member], np.int32), np.array([START + days * SECONDS_PER_DAY]))


def test_a_history_by_hand() -> None:
    found = sum_histories(ROWS, index_members(ROWS), ask(0, 3.0), traits=TRAITS, half_life_days=1.0)
    # x at age 3 and 1: 1/8 + 1/2; y at age 2: 1/4
    assert found.sums[0].tolist() == pytest.approx([0.625, 0.25])
    assert found.totals[0] == pytest.approx(0.875)


def test_the_moment_of_the_query_itself_does_not_count() -> None:
    found = sum_histories(ROWS, index_members(ROWS), ask(0, 2.0), traits=TRAITS, half_life_days=1.0)
    assert found.sums[0].tolist() == pytest.approx([0.25, 0.5])


def test_a_member_without_earlier_rows_has_zeros() -> None:
    found = sum_histories(ROWS, index_members(ROWS), ask(1, 1.0), traits=TRAITS, half_life_days=1.0)
    assert not found.sums.any()
    assert not found.totals.any()


def test_no_queries_give_no_rows() -> None:
    none = Queries(np.empty(0, np.int32), np.empty(0))
    found = sum_histories(ROWS, index_members(ROWS), none, traits=TRAITS, half_life_days=1.0)
    assert found.sums.shape == (0, 2)
    assert seen_pairs(ROWS, index_members(ROWS), none)[0].shape == (0,)


def test_many_queries_of_one_member_equal_the_same_queries_one_by_one() -> None:
    table = simulated_table(4, n_members=3, n_items=300)
    rows, index = table.rows, index_members(table.rows)
    rng = np.random.default_rng(6)
    queries = Queries(
        rng.integers(0, 3, 700).astype(np.int32),
        rows.times[0] + rng.random(700) * (rows.times[-1] - rows.times[0]),
    )
    traits = rng.normal(size=(len(table.items), 3))
    together = sum_histories(rows, index, queries, traits=traits, half_life_days=2.0)
    for number in range(0, 700, 97):
        alone = Queries(queries.members[number : number + 1], queries.times[number : number + 1])
        one = sum_histories(rows, index, alone, traits=traits, half_life_days=2.0)
        assert one.sums[0] == pytest.approx(together.sums[number])


def test_seen_is_what_was_chosen_strictly_before() -> None:
    queries = Queries(
        np.array([0, 1, 0], np.int32), START + SECONDS_PER_DAY * np.array([2.0, 1.5, 0.0])
    )
    numbers, items = seen_pairs(ROWS, index_members(ROWS), queries)
    assert list(zip(numbers.tolist(), items.tolist(), strict=True)) == [(0, 0), (0, 1)]


def test_what_was_chosen_twice_is_seen_once() -> None:
    numbers, items = seen_pairs(ROWS, index_members(ROWS), ask(0, 9.0))
    assert (numbers.tolist(), items.tolist()) == ([0, 0], [0, 1])
