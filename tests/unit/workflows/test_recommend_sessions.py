"""Who has no trained vector: anonymous visitors, sessions, cold members, folded in or not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError
from recsysops.serving.api import RecommendationResponse

from tests.fakes.served_world import FOLD_IN, ServedWorld, make_world, popular_ids


@pytest.fixture
def folding() -> ServedWorld:
    world = make_world(fold_in=FOLD_IN)
    world.flags.plan = replace(world.flags.plan, explore_rate=0.0)
    return world


def ids_of(response: RecommendationResponse) -> list[str]:
    return [item.item_id for item in response.items]


def test_an_anonymous_visitor_gets_popularity_until_they_choose_something(
    folding: ServedWorld,
) -> None:
    nobody = folding.recommend(member_id=None)
    assert (nobody.status, nobody.fallback_reason) == ("fallback", "anonymous")
    assert ids_of(nobody) == popular_ids(folding)[:10]
    new = folding.recommend("r-0", member_id=None, session_id="new")
    assert (new.fallback_reason, ids_of(new)) == ("anonymous", ids_of(nobody))
    chosen = [item.item_id for item in folding.items if "Action" in item.genres][:4]
    visitor = folding.recommend("r-2", member_id=None, session_items=chosen)
    assert (visitor.status, visitor.fallback_reason) == ("ok", None)
    genres = {item.item_id: item.genres for item in folding.items}
    liked = [sum("Action" in genres[one] for one in ids_of(r)) for r in (nobody, visitor)]
    assert liked[1] > liked[0]
    assert not set(chosen) & set(ids_of(visitor))
    record = folding.full()[-1]
    assert record.session_items == chosen
    assert set(chosen) <= set(record.excluded)
    assert (record.member_known, record.member_vector) == (False, None)


def test_a_session_id_is_known_by_its_feedback_and_a_cold_member_by_theirs(
    folding: ServedWorld,
) -> None:
    chosen = ["i0001", "i0002", "i0003"]
    folding.members.add_seen("session-1", chosen)
    by_session = folding.recommend(member_id=None, session_id="session-1")
    by_member = folding.recommend("r-2", member_id="session-1")
    given = folding.recommend("r-3", member_id=None, session_items=chosen)
    assert by_session.status == by_member.status == "ok"
    assert ids_of(by_session) == ids_of(by_member) == ids_of(given)
    lines = folding.slim()
    assert lines[0].member == lines[1].member != lines[2].member
    assert [record.session_items for record in folding.full()] == [chosen] * 3


def test_member_and_session_are_not_named_together(folding: ServedWorld) -> None:
    with pytest.raises(ValidationError, match="not both"):
        folding.recommend(member_id="m1", session_id="session-1")


def test_a_member_with_a_trained_vector_is_not_folded_in(folding: ServedWorld) -> None:
    folding.recommend(session_items=["i0001"])
    record = folding.full()[0]
    assert record.session_items == []
    assert record.member_vector is not None
    assert "i0001" in record.excluded
