"""What a change does to one request: by hand, and through the code that would serve it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from recsysops.serving.hotfixes import apply_hotfixes
from recsysops.serving.ranking import RankingRequest, rank_item
from recsysops.serving.what_if import (
    RankedCase,
    add_changes,
    compare_cases,
    find_standings,
    rank_case,
)
from recsysops.vocabulary import Hotfix, SurfacePlan

from tests.fakes.small_catalogue import NOW, make_catalogue, make_hotfix

CATALOGUE = make_catalogue(8)
VECTOR = np.array([1.0, -1.0, 0.5, 0.2, -0.4, 2.0, -2.0, 0.3, 0.6], dtype=np.float32)
REQUEST = RankingRequest(
    request_id="r-1", event_time=NOW, limit=3, candidates=(), excluded=("i7",),
    member_vector=VECTOR, explore_rate=0.0,
)  # fmt: skip
BEFORE = rank_case(CATALOGUE, REQUEST)


def changed(*hotfixes: Hotfix) -> RankedCase:
    blocked = frozenset(
        item for one in hotfixes if one.kind == "block_items" for item in one.params["item_ids"]
    )
    request = replace(REQUEST, blocked=blocked)
    return rank_case(apply_hotfixes(CATALOGUE, hotfixes), request)


def test_nothing_changed_moves_nothing() -> None:
    found = compare_cases(BEFORE, BEFORE)
    assert not found.is_changed
    assert (found.entered, found.left) == ((), ())
    assert [move.score_change for move in found.moves] == [0.0, 0.0, 0.0]
    assert [move.before.slot for move in found.moves] == [1, 2, 3]


def test_a_blocked_item_leaves_and_the_rest_moves_up() -> None:
    first, second, third = (item.item_id for item in BEFORE.slate.shown)
    found = compare_cases(BEFORE, changed(make_hotfix("block_items", {"item_ids": (first,)})))
    assert found.is_changed
    assert found.left == (first,)
    by_item = {move.item_id: move for move in found.moves}
    gone = by_item[first]
    assert (gone.before.slot, gone.after.slot) == (1, None)
    assert (gone.before.rank, gone.after.rank) == (1, None)
    assert gone.score_change == 0.0, "its score is what it was: it may only not be shown"
    assert [by_item[item].after.slot for item in (second, third)] == [1, 2]
    assert [move.after.slot for move in found.moves] == [1, 2, 3, None], "those that left last"


def test_a_feature_moves_its_own_block_and_no_other() -> None:
    item = BEFORE.slate.shown[0].item_id
    old = CATALOGUE.items[CATALOGUE.row_of[item]].language
    new = "fr" if old != "fr" else "en"
    override = make_hotfix("override_feature", {"feature": "language", "values": {item: new}})
    move = {one.item_id: one for one in compare_cases(BEFORE, changed(override)).moves}[item]
    differing = {
        name
        for name, value in move.before.contributions.items()
        if move.after.contributions[name] != value
    }
    assert differing == {"language"}
    by_language = {"en": 2.0, "fr": -2.0, None: 0.0}
    assert move.score_change == pytest.approx(by_language[new] - by_language[old], abs=1e-6)
    for standing in (move.before, move.after):
        assert sum(standing.contributions.values()) == pytest.approx(standing.score, abs=1e-6)


def test_an_item_of_another_catalogue_has_no_standing_where_it_is_unknown() -> None:
    smaller = rank_case(make_catalogue(3), REQUEST)
    moves = {move.item_id: move for move in compare_cases(smaller, BEFORE).moves}
    strange = next(move for item, move in moves.items() if item not in {"i0", "i1", "i2"})
    assert (strange.before.slot, strange.before.rank, strange.before.score) == (None, None, None)
    assert strange.score_change is None
    assert strange.title.startswith("Title")


def test_ranks_are_those_among_all_eligible_items() -> None:
    catalogue = make_catalogue(150)
    launches = replace(REQUEST, surface_plan=SurfacePlan(launch_slots=(2,)))
    for request in (REQUEST, launches, replace(REQUEST, member_vector=None)):
        case = rank_case(catalogue, request)
        ids = [f"i{row}" for row in range(150)]
        found = [standing.rank for standing in find_standings(case, ids)]
        assert found == [rank_item(catalogue, request, item_id).rank for item_id in ids]
        assert sorted(rank for rank in found if rank is not None) == list(range(1, 150))


def test_changes_stand_on_top_of_what_was_deployed() -> None:
    deployed = make_hotfix("block_items", {"item_ids": ("i1",)})
    newer = replace(deployed, params={"item_ids": ("i2",)})
    pinned = make_hotfix("pin_model", {"model_id": "m-2"})
    other = replace(pinned, hotfix_id="what-if-1", params={"model_id": "m-3"})
    assert add_changes([deployed], [newer]) == (newer,)
    assert add_changes([pinned, deployed], [other]) == (deployed, other)
    assert add_changes([pinned], [deployed]) == (pinned, deployed)
    assert add_changes([], []) == ()


def test_a_launch_to_come_is_not_eligible_in_either_case() -> None:
    days = CATALOGUE.launch_days.copy()
    days[0] = 40_000
    catalogue = replace(CATALOGUE, launch_days=days)
    later = replace(REQUEST, event_time=NOW + timedelta(days=1))
    shown = [item.item_id for item in rank_case(catalogue, later).slate.shown]
    assert "i0" not in shown
