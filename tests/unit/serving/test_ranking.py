from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import block_contributions, round_scores
from recsysops.serving.ranking import (
    SHORTLIST,
    RankingRequest,
    block_names,
    place_launches,
    rank_item,
    rank_slate,
)
from recsysops.vocabulary import SurfacePlan

from tests.fakes.served_world import ENCODER, NOW, make_vector, make_world

CATALOGUE = make_world(300).catalogue
IDS = CATALOGUE.item_ids


def ask(**changes: object) -> RankingRequest:
    plain: dict[str, object] = {
        "request_id": "r-1",
        "event_time": NOW,
        "limit": 10,
        "candidates": (),
        "excluded": (),
        "member_vector": make_vector(1),
        "explore_rate": 0.0,
    }
    return RankingRequest(**{**plain, **changes})  # type: ignore[arg-type]


def full_sort(catalogue: Catalogue, request: RankingRequest) -> list[str]:
    """The order a plain reading of the rules gives: kernel over everything, sort, filter."""
    vector = request.member_vector
    if vector is None:
        vector = np.zeros(catalogue.matrix.shape[1], dtype=np.float32)
    scores = round_scores(
        block_contributions(
            catalogue.matrix, vector, bias=catalogue.bias, blocks=catalogue.encoder.blocks
        )
    )
    out = set(request.excluded) | request.blocked
    return [
        item.item_id
        for _, item in sorted(
            zip(scores.tolist(), catalogue.items, strict=True),
            key=lambda pair: (-pair[0], pair[1].item_id),
        )
        if item.item_id not in out
        and (item.launch_date is None or item.launch_date <= request.event_time.date())
        and (not request.candidates or item.item_id in request.candidates)
    ]


def draw_ids(seed: int, share: float) -> tuple[str, ...]:
    rng = np.random.default_rng(seed)
    return tuple(rng.permutation([item_id for item_id in IDS if rng.random() < share]).tolist())


shares = st.sampled_from([0.0, 0.01, 0.3, 0.9, 1.0])


@given(
    st.integers(0, 10_000),
    st.integers(1, 50),
    st.tuples(shares, shares, shares),
    st.booleans(),
)
def test_a_slate_is_the_head_of_a_full_sort_by_the_kernel(
    seed: int, limit: int, share: tuple[float, float, float], cold: bool
) -> None:
    request = ask(
        limit=limit,
        candidates=draw_ids(seed, share[0]),
        excluded=draw_ids(seed + 1, share[1]),
        blocked=frozenset(draw_ids(seed + 2, share[2])),
        member_vector=None if cold else make_vector(seed),
    )
    expected = full_sort(CATALOGUE, request)
    slate = rank_slate(CATALOGUE, request)
    assert slate.eligible_count == len(expected)
    assert slate.shortlist == tuple(expected[:SHORTLIST])
    assert [item.item_id for item in slate.shown] == expected[:limit]
    for rank in {1, len(expected) // 2, len(expected)} & set(range(1, len(expected) + 1)):
        found = rank_item(CATALOGUE, request, expected[rank - 1])
        assert (found.eligible, found.rank, found.eligible_count) == (True, rank, len(expected))


def test_ties_are_broken_by_item_id() -> None:
    flat = replace(
        CATALOGUE,
        matrix=np.zeros_like(CATALOGUE.matrix),
        bias=np.zeros_like(CATALOGUE.bias),
        largest_row_norm=0.0,
    )
    slate = rank_slate(flat, ask(limit=50))
    assert list(slate.shortlist) == IDS[:SHORTLIST]
    assert [rank_item(flat, ask(), item_id).rank for item_id in IDS[:5]] == [1, 2, 3, 4, 5]


def test_where_float32_runs_over_the_kernel_still_ranks() -> None:
    matrix = CATALOGUE.matrix.copy()
    matrix[::3, 0], matrix[::3, 1] = 3e38, -3e38
    vast = replace(CATALOGUE, matrix=matrix, largest_row_norm=4.3e38)
    vector = make_vector(1)
    vector[:2] = 2.0
    request = ask(member_vector=vector)
    expected = full_sort(vast, request)
    slate = rank_slate(vast, request)
    assert np.isfinite(slate.scores).all()
    assert slate.shortlist == tuple(expected[:SHORTLIST])
    assert rank_item(vast, request, expected[150]).rank == 151


def test_contributions_add_up_to_the_scores_block_by_block() -> None:
    slate = rank_slate(CATALOGUE, ask())
    assert slate.block_names == block_names(CATALOGUE) == (
        "genre", "year", "language", "collaborative", "popularity",
    )  # fmt: skip
    assert round_scores(slate.contributions).tobytes() == slate.scores.tobytes()
    row = CATALOGUE.row_of[slate.shortlist[0]]
    assert slate.contributions[0, -1] == CATALOGUE.bias[row]
    genres = len(ENCODER.genres)
    by_hand = CATALOGUE.matrix[row, :genres].astype(float) @ make_vector(1)[:genres].astype(float)
    assert slate.contributions[0, 0] == pytest.approx(by_hand)


def test_a_cold_member_gets_fresh_popularity() -> None:
    slate = rank_slate(CATALOGUE, ask(member_vector=None))
    rows = [CATALOGUE.row_of[item_id] for item_id in slate.shortlist]
    assert slate.scores.tolist() == CATALOGUE.bias[rows].tolist()
    assert not slate.contributions[:, :-1].any()


def test_the_score_of_an_item_does_not_depend_on_who_else_is_ranked() -> None:
    whole = rank_slate(CATALOGUE, ask(limit=50))
    picked = tuple(whole.shortlist[::7])
    few = rank_slate(CATALOGUE, ask(candidates=picked))
    scores = dict(zip(whole.shortlist, whole.scores.tolist(), strict=True))
    assert few.scores.tolist() == [scores[item_id] for item_id in few.shortlist]


def test_unknown_candidates_are_named_once_and_the_others_ranked() -> None:
    slate = rank_slate(CATALOGUE, ask(candidates=("x", "i0003", "y", "x", "i0003")))
    assert slate.unknown_candidates == ("x", "y")
    assert slate.shortlist == ("i0003",)
    assert slate.eligible_count == 1


def test_nothing_eligible_gives_an_empty_slate() -> None:
    slate = rank_slate(CATALOGUE, ask(candidates=("x",), explore_rate=1.0))
    assert (slate.shown, slate.shortlist, slate.eligible_count) == ((), (), 0)
    assert slate.arm == "greedy"
    assert slate.contributions.shape == (0, 5)


def test_an_item_is_not_eligible_before_its_launch() -> None:
    upcoming = IDS[-1]
    before = ask(event_time=datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), candidates=(upcoming,))
    after = replace(before, event_time=datetime(2026, 4, 1, tzinfo=UTC))
    assert rank_slate(CATALOGUE, before).eligible_count == 0
    assert rank_slate(CATALOGUE, after).shortlist == (upcoming,)
    assert rank_item(CATALOGUE, before, upcoming).rank is None


@pytest.mark.parametrize("item_id", ["nobody", "i0003", "i0004", "i0005"])
def test_an_item_that_could_not_be_ranked_has_no_rank(item_id: str) -> None:
    request = ask(
        excluded=("i0003",), blocked=frozenset({"i0004"}), candidates=("i0003", "i0004", "i0001")
    )
    found = rank_item(CATALOGUE, request, item_id)
    assert (found.eligible, found.rank, found.eligible_count) == (False, None, 1)


def test_an_explored_slot_shows_an_item_from_below_with_its_own_score() -> None:
    request = ask(request_id="r-explores", explore_rate=1.0, limit=10)
    slate, greedy = rank_slate(CATALOGUE, request), rank_slate(CATALOGUE, ask())
    assert slate.arm == "explore"
    assert slate.shortlist == greedy.shortlist
    different = [
        (now, then)
        for now, then in zip(slate.shown, greedy.shown, strict=True)
        if now.item_id != then.item_id
    ]
    assert len(different) == 1
    drawn = different[0][0]
    rank = 1 + slate.shortlist.index(drawn.item_id)
    assert 11 <= rank <= 50
    assert drawn.score == float(slate.scores[rank - 1])
    assert drawn.propensity == 1.0 / (10 * 40)


def test_inputs_are_left_as_they_were() -> None:
    before = (CATALOGUE.matrix.copy(), CATALOGUE.bias.copy(), CATALOGUE.launch_days.copy())
    rank_slate(CATALOGUE, ask(excluded=tuple(IDS[:50]), explore_rate=1.0))
    after = (CATALOGUE.matrix, CATALOGUE.bias, CATALOGUE.launch_days)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


LAUNCHED = make_world(300).catalogue
LAUNCHED = replace(
    LAUNCHED,
    launch_days=np.where(np.arange(300) % 30 == 7, LAUNCHED.launch_days[298], LAUNCHED.launch_days),
)
"""Besides two of its own, every thirtieth item launched a day ago."""


def is_launch(item_id: str) -> bool:
    return bool(LAUNCHED.launched_since(NOW, days=30)[LAUNCHED.row_of[item_id]])


def test_reserved_slots_show_the_best_launches_even_from_below_the_shortlist() -> None:
    weak = LAUNCHED.bias - 50.0 * LAUNCHED.launched_since(NOW, days=30).astype(np.float32)
    catalogue = replace(LAUNCHED, bias=weak.astype(np.float32))
    request = ask(surface_plan=SurfacePlan(launch_slots=(3, 7)))
    slate = rank_slate(catalogue, request)
    launches = [item_id for item_id in full_sort(catalogue, request) if is_launch(item_id)]
    assert len(launches) == 11
    shown = [item.item_id for item in slate.shown]
    assert (shown[2], shown[6]) == (launches[0], launches[1])
    assert not any(is_launch(item_id) for item_id in slate.shortlist[:SHORTLIST])
    assert list(slate.shortlist[SHORTLIST:]) == launches
    assert tuple(shown) == slate.planned == slate.policy_order[:10]
    assert [item_id for item_id in shown if not is_launch(item_id)] == list(slate.shortlist[:8])
    assert round_scores(slate.contributions).tobytes() == slate.scores.tobytes()


def test_given_candidates_fill_reserved_slots_too() -> None:
    request = ask(candidates=tuple(IDS[:60]), surface_plan=SurfacePlan(launch_slots=(1,)))
    slate = rank_slate(LAUNCHED, request)
    assert is_launch(slate.shown[0].item_id)
    assert slate.eligible_count == 60


def test_a_diverse_slate_holds_other_items_with_the_same_scores() -> None:
    plain = rank_slate(CATALOGUE, ask())
    mixed = rank_slate(CATALOGUE, ask(surface_plan=SurfacePlan(diversity=3.0)))
    assert mixed.shortlist == plain.shortlist
    assert mixed.scores.tobytes() == plain.scores.tobytes()
    assert mixed.planned[0] == plain.shortlist[0]
    assert set(mixed.planned) != set(plain.shortlist[:10])
    scores = dict(zip(plain.shortlist, plain.scores.tolist(), strict=True))
    assert [item.score for item in mixed.shown] == [scores[i.item_id] for i in mixed.shown]


def test_exploration_counts_its_ranks_in_the_plans_order() -> None:
    plan = SurfacePlan(diversity=3.0, launch_slots=(2,))
    for number in range(60):
        request = ask(request_id=f"r{number}", surface_plan=plan, explore_rate=1.0, limit=5)
        slate = rank_slate(LAUNCHED, request)
        shown = [item.item_id for item in slate.shown]
        explored = [item for item in slate.shown if item.item_id not in slate.planned]
        assert len(explored) == 1
        assert explored[0].item_id in slate.policy_order[5:45]
        assert explored[0].propensity == 1.0 / (5 * 40)
        kept = [a for a, b in zip(shown, slate.planned, strict=True) if a == b]
        assert len(kept) == 4


def test_a_plain_surface_plans_nothing() -> None:
    slate = rank_slate(CATALOGUE, ask())
    assert slate.planned == ()
    assert slate.policy_order == slate.shortlist


@pytest.mark.parametrize("member_vector", [make_vector(1), make_vector(2), None])
def test_launches_stand_where_the_kernel_ranks_them(member_vector: np.ndarray | None) -> None:
    whole_year = 500 * 365
    request = ask(member_vector=member_vector, excluded=(IDS[3],))
    rows, percentiles = place_launches(CATALOGUE, request, days=whole_year)
    ids = [CATALOGUE.ids[row] for row in rows.tolist()]
    assert ids == [IDS[-2]]  # the last one is only announced, of the others no launch is known
    found = rank_item(CATALOGUE, request, IDS[-2])
    assert found.rank is not None
    assert percentiles[0] * found.eligible_count + 0.5 == pytest.approx(found.rank, abs=1.0)


def test_a_launch_that_is_old_or_excluded_has_no_place() -> None:
    for request in (ask(excluded=(IDS[-2],)), ask(event_time=NOW + timedelta(days=6))):
        rows, percentiles = place_launches(CATALOGUE, request, days=7)
        assert (len(rows), len(percentiles)) == (0, 0)
