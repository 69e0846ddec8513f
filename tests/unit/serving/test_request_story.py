"""Stories of requests: counts that add up, features that sum, exploration as it was drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.request_log.records import FullRequest
from recsysops.serving.filters import AttributeFilters
from recsysops.serving.ranking import RankingRequest, rank_slate
from recsysops.serving.replay import ranking_request_of
from recsysops.serving.request_story import (
    RequestStory,
    count_eligible,
    tell_exploration,
    tell_request,
)
from recsysops.serving.what_if import rank_case
from recsysops.vocabulary import SamplingPlan

from tests.fakes.served_world import ServedWorld, make_world
from tests.fakes.small_catalogue import NOW, make_catalogue

CATALOGUE = make_catalogue(12)
REQUEST = RankingRequest(
    request_id="r-1", event_time=NOW, limit=3, candidates=(), excluded=("i1", "i2", "nowhere"),
    member_vector=None, explore_rate=0.0, blocked=frozenset({"i2", "i3"}),
)  # fmt: skip


def told(world: ServedWorld, record: FullRequest) -> RequestStory:
    request = ranking_request_of(record, world.catalogue)
    return tell_request(record, rank_case(world.catalogue, request))


def test_every_rule_takes_out_what_the_ones_before_left() -> None:
    days = CATALOGUE.launch_days.copy()
    days[0] = 40_000
    found = count_eligible(
        replace(CATALOGUE, launch_days=days),
        replace(REQUEST, filters=AttributeFilters(genres_any=("Drama",))),
    )
    assert (found.considered, found.unknown, found.not_launched) == (12, 0, 1)
    assert (found.seen_or_excluded, found.blocked) == (2, 1), "i2 was excluded already"
    # i4…i11 are left; i6 and i9 are comedies only
    assert (found.filtered, found.eligible) == (2, 6)


def test_given_candidates_are_all_that_is_considered() -> None:
    request = replace(REQUEST, candidates=("i1", "i5", "i5", "nowhere"))
    found = count_eligible(CATALOGUE, request)
    assert (found.considered, found.unknown, found.seen_or_excluded, found.eligible) == (2, 1, 1, 1)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_what_is_counted_is_what_is_ranked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = [f"i{row}" for row in range(14)]
    request = replace(
        REQUEST,
        candidates=tuple(rng.choice(ids, size=int(rng.integers(0, 9))).tolist()),
        excluded=tuple(rng.choice(ids, size=3).tolist()),
        blocked=frozenset(rng.choice(ids, size=2).tolist()),
        filters=AttributeFilters(languages=("en", "fr")[: int(rng.integers(0, 3))]),
    )
    found = count_eligible(CATALOGUE, request)
    assert found.eligible == rank_slate(CATALOGUE, request).eligible_count
    taken = found.not_launched + found.seen_or_excluded + found.blocked + found.filtered
    assert found.considered - taken == found.eligible


def test_a_story_tells_the_request_in_its_own_words() -> None:
    world = make_world(60)
    world.recommend("r-1", "m1", limit=4, context={"device": "tv"},
                    filters={"genres_any": ["Drama", "Comedy"]})  # fmt: skip
    record = world.full()[0]
    found = told(world, record)
    assert (found.request_id, found.member_known, found.context) == ("r-1", True, {"device": "tv"})
    assert found.filters == {"genres_any": ["Drama", "Comedy"]}
    assert found.eligibility.eligible == record.eligible_count
    assert found.eligibility.seen_or_excluded > 0
    assert [one.item_id for one in found.items] == record.shown
    first = found.items[0]
    assert first.text
    assert first.standing.slot == 1
    assert first.simulated == ("language", "price")
    assert set(first.raw["genres"]) & {"Drama", "Comedy"}
    assert sum(value for _, value in first.features) == pytest.approx(first.standing.score)
    assert sum(first.standing.contributions.values()) == pytest.approx(first.standing.score)
    sizes = [abs(value) for _, value in first.features]
    assert sizes == sorted(sizes, reverse=True)


def test_exploration_is_told_as_it_was_drawn() -> None:
    world = make_world(90)
    world.flags.plan = SamplingPlan(rate=1.0, raised_rate=1.0, explore_rate=0.5)
    for number in range(20):
        world.recommend(f"r-{number}", "m1", limit=5)
    stories = [(record, tell_exploration(record)) for record in world.full()]
    assert {story.arm for _, story in stories} == {"greedy", "explore"}
    for record, story in stories:
        assert (story.rate, story.pool) == (0.5, (6, 45))
        if story.slot is None:
            assert story.arm == "greedy"
            continue
        assert story.item_id == record.shown[story.slot - 1]
        assert story.rank is not None
        assert record.shortlist[story.rank - 1] == story.item_id
        assert 6 <= story.rank <= 45


def test_nothing_below_the_slate_leaves_no_pool() -> None:
    world = make_world(60)
    world.recommend("r-1", "m1", limit=5, candidates=["i0001", "i0002"])
    assert tell_exploration(world.full()[0]).pool is None
