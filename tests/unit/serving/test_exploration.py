from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.serving.exploration import (
    ExploredSlot,
    arm_of,
    draw_exploration,
    exploration_ranks,
    final_slots,
    first_rank_before_v2,
)


@pytest.mark.parametrize(
    ("limit", "eligible", "first", "last"),
    [
        (10, 9_000, 11, 50),
        (1, 9_000, 2, 41),
        (9, 9_000, 10, 49),
        (10, 50, 11, 50),
        (10, 12, 11, 12),
        (20, 9_000, 21, 60),
        (50, 9_000, 51, 90),
        (50, 60, 51, 60),
    ],
)
def test_ranks_lie_below_the_slate_and_end_with_the_eligible_items(
    limit: int, eligible: int, first: int, last: int
) -> None:
    ranks = exploration_ranks(limit, eligible)
    assert (ranks[0], ranks[-1]) == (first, last)


@pytest.mark.parametrize(("limit", "eligible"), [(10, 10), (10, 0), (5, 5), (50, 50)])
def test_without_items_below_the_slate_every_slot_is_certain(limit: int, eligible: int) -> None:
    assert not exploration_ranks(limit, eligible)
    assert draw_exploration("r", rate=1.0, limit=limit, eligible_count=eligible) is None
    slots = final_slots(None, rate=1.0, limit=limit, eligible_count=eligible)
    assert [slot.rank for slot in slots] == list(range(1, min(limit, eligible) + 1))
    assert all(slot.propensity == 1.0 for slot in slots)


def test_propensities_of_a_small_case_are_as_computed_by_hand() -> None:
    slots = final_slots(ExploredSlot(2, 30), rate=0.1, limit=10, eligible_count=500)
    assert [slot.rank for slot in slots] == [1, 30, 3, 4, 5, 6, 7, 8, 9, 10]
    assert slots[0].propensity == 1 - 0.1 / 10
    assert slots[1].propensity == 0.1 / (10 * 40)
    assert arm_of(ExploredSlot(2, 30)) == "explore"


@given(st.floats(0, 1), st.integers(1, 50), st.integers(0, 200))
def test_the_propensities_of_all_items_a_slot_may_show_sum_to_one(
    rate: float, limit: int, eligible: int
) -> None:
    pool = exploration_ranks(limit, eligible)
    greedy = final_slots(None, rate=rate, limit=limit, eligible_count=eligible)
    for slot in greedy:
        total = slot.propensity
        for rank in pool:
            drawn = ExploredSlot(slot.position, rank)
            shown = final_slots(drawn, rate=rate, limit=limit, eligible_count=eligible)
            total += shown[slot.position - 1].propensity
        assert total == pytest.approx(1.0)


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_the_draw_is_a_function_of_the_request_id_and_a_higher_rate_only_adds(
    request_id: str, one: float, two: float
) -> None:
    low, high = (
        draw_exploration(request_id, rate=rate, limit=10, eligible_count=100)
        for rate in sorted((one, two))
    )
    assert low is None or low == high


@pytest.mark.parametrize(("limit", "eligible"), [(10, 400), (3, 30)])
def test_observed_frequencies_over_request_ids_match_the_logged_propensities(
    limit: int, eligible: int
) -> None:
    rate, count = 0.5, 20_000
    shown: Counter[tuple[int, int]] = Counter()
    propensity: dict[tuple[int, int], float] = {}
    for number in range(count):
        explored = draw_exploration(
            f"request-{number}", rate=rate, limit=limit, eligible_count=eligible
        )
        for slot in final_slots(explored, rate=rate, limit=limit, eligible_count=eligible):
            shown[slot.position, slot.rank] += 1
            propensity[slot.position, slot.rank] = slot.propensity
    for cell, expected in propensity.items():
        deviation = math.sqrt(count * expected * (1 - expected))
        assert abs(shown[cell] - count * expected) < 5 * deviation
    explored_cells = [cell for cell in propensity if cell[1] > limit]
    assert len(explored_cells) == limit * len(exploration_ranks(limit, eligible))


def test_where_and_what_is_drawn_do_not_depend_on_each_other() -> None:
    draws = [
        draw_exploration(f"r{number}", rate=1.0, limit=10, eligible_count=500)
        for number in range(4_000)
    ]
    pairs = np.array([(draw.position, draw.rank) for draw in draws if draw is not None])
    assert len(pairs) == 4_000
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 4 / math.sqrt(4_000)


@pytest.mark.parametrize(("limit", "first"), [(3, 11), (10, 11), (20, 21)])
def test_records_of_version_1_never_explored_above_rank_11(limit: int, first: int) -> None:
    assert first_rank_before_v2(limit) == first
    ranks = exploration_ranks(limit, 9_000, first=first)
    assert (ranks[0], len(ranks)) == (first, 40)
    draws = [
        draw_exploration(f"r{number}", rate=1.0, limit=limit, eligible_count=9_000, first=first)
        for number in range(500)
    ]
    assert min(draw.rank for draw in draws if draw is not None) in range(first, first + 3)
