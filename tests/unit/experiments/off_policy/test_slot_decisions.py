"""Our own slim lines as decisions: what kept its slot, what explored, and who is left out."""

from __future__ import annotations

import numpy as np
import pytest
from recsysops.errors import CouldNotJudge
from recsysops.experiments.off_policy.decisions import check_policy
from recsysops.experiments.off_policy.sample import importance_ratios
from recsysops.experiments.off_policy.slot_decisions import (
    EXPLORE,
    KEEP,
    exploring_policy,
    read_slot_decisions,
)
from recsysops.request_log.records import SlimRequest

from tests.fakes.served_world import make_world

RATE, LIMIT = 0.4, 4


def serve(count: int, *, rate: float = RATE, limit: int = LIMIT) -> list[SlimRequest]:
    world = make_world(100)
    world.flags.plan = type(world.flags.plan)(explore_rate=rate)
    for number in range(count):
        world.recommend(f"r-{number}", f"m{1 + number % 3}", limit=limit)
    return world.slim()


def test_slots_are_decisions_with_the_probability_of_keeping_or_exploring() -> None:
    lines = serve(40)
    logged = read_slot_decisions(lines, {"r-0": {lines[0].shown[2]}})
    found = logged.decisions
    assert (len(found), logged.requests, logged.left_out) == (160, 40, 0)
    assert logged.slots == ((4, 1), (4, 2), (4, 3), (4, 4))
    explored = found.action == EXPLORE
    assert explored.sum() == sum(line.arm == "explore" for line in lines) > 5
    assert np.allclose(found.propensity, np.where(explored, RATE / LIMIT, 1.0 - RATE / LIMIT))
    assert found.reward.tolist() == [0.0, 0.0, 1.0] + [0.0] * 157
    assert len(np.unique(found.cluster)) == 3


def test_ratios_of_another_rate_are_those_of_the_drawn_item() -> None:
    logged = read_slot_decisions(serve(40), {})
    table = exploring_policy(logged.slots, rate=0.2)
    check_policy(table, logged.decisions)
    ratio = importance_ratios(logged.decisions, table)
    explored = logged.decisions.action == EXPLORE
    # by item: (0.2 / (4 · 40)) / (0.4 / (4 · 40))
    assert np.allclose(ratio[explored], 0.5)
    assert np.allclose(ratio[~explored], 0.95 / 0.9)


def test_rate_zero_is_the_greedy_policy() -> None:
    table = exploring_policy([(10, 1), (5, 2)], rate=0.0)
    assert table[:, KEEP].tolist() == [1.0, 1.0]
    assert table[:, EXPLORE].tolist() == [0.0, 0.0]


def test_slates_that_tell_nothing_are_left_out_and_counted() -> None:
    lines = serve(30)
    garbled = lines[0].model_copy(update={"propensities": [0.5]})
    empty = lines[1].model_copy(update={"shown": [], "propensities": []})
    odd = lines[2].model_copy(update={"propensities": [0.9, 0.8, 0.7, 0.6]})
    logged = read_slot_decisions([*lines[3:], garbled, empty, odd, *serve(5, limit=1)], {})
    assert (logged.requests, logged.left_out) == (27, 8)


@pytest.mark.parametrize("lines", [[], serve(5, rate=0.0)])
def test_a_window_that_never_explored_is_refused(lines: list[SlimRequest]) -> None:
    with pytest.raises(CouldNotJudge, match="no request of the window explored"):
        read_slot_decisions(lines, {})
