from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.serving.explanation import ItemExplanation, explain_slate, feature_names
from recsysops.serving.ranking import RankedSlate, RankingRequest, rank_slate
from recsysops.vocabulary import SurfacePlan

from tests.fakes.served_world import ENCODER, NOW, make_vector
from tests.unit.serving.test_ranking import CATALOGUE, IDS, LAUNCHED, ask


def explain(request: RankingRequest, **how: object) -> tuple[RankedSlate, dict]:
    slate = rank_slate(CATALOGUE, request)
    given_seen = {"seen": (), **how}
    return slate, explain_slate(CATALOGUE, request, slate, **given_seen)  # type: ignore[arg-type]


def summed(explanation: ItemExplanation) -> np.float32:
    total = 0.0
    for contribution in explanation.contributions.values():
        total += contribution
    return np.float32(total)


@given(st.integers(0, 500), st.integers(1, 20), st.sampled_from([0.0, 1.0]))
def test_contributions_sum_to_the_score_and_features_to_their_blocks(
    seed: int, limit: int, rate: float
) -> None:
    request = ask(
        request_id=f"r{seed}", limit=limit, member_vector=make_vector(seed), explore_rate=rate
    )
    slate, explained = explain(request, per_feature=True)
    assert list(explained) == [item.item_id for item in slate.shown]
    for item in slate.shown:
        found = explained[item.item_id]
        assert summed(found) == np.float32(item.score)
        features = found.features
        assert features is not None
        assert sum(features.values()) == pytest.approx(item.score, abs=1e-5)
        genre = sum(share for name, share in features.items() if name.startswith("genre="))
        assert genre == pytest.approx(found.contributions["genre"], abs=1e-9)
        assert found.rank == slate.shortlist.index(item.item_id) + 1


def test_features_are_told_only_on_demand() -> None:
    _, explained = explain(ask())
    assert {found.features for found in explained.values()} == {None}
    assert len(feature_names(ENCODER)) == ENCODER.width


def test_who_has_no_vector_gets_what_is_popular() -> None:
    _, explained = explain(ask(member_vector=None), per_feature=True)
    assert {found.reason for found in explained.values()} == {"popular"}
    assert all(set(found.features or {}) == {"popularity"} for found in explained.values())


def test_the_item_watched_that_is_most_alike_is_named() -> None:
    vector = np.zeros(ENCODER.width, dtype=np.float32)
    vector[ENCODER.genres.index("Drama")] = 50.0
    request = ask(member_vector=vector)
    slate = rank_slate(CATALOGUE, request)
    best = slate.shown[0].item_id
    row = CATALOGUE.row_of[best]
    like = replace(CATALOGUE, matrix=CATALOGUE.matrix.copy())
    twin, stranger = [item_id for item_id in IDS if item_id not in slate.shortlist][:2]
    like.matrix[like.row_of[twin]] = CATALOGUE.matrix[row]
    like.matrix[like.row_of[stranger]] = -CATALOGUE.matrix[row]
    told = explain_slate(like, request, slate, seen=(twin, stranger, "ghost"))[best]
    assert (told.reason, told.because_of) == ("watched_similar", twin)
    title = CATALOGUE.items[CATALOGUE.row_of[twin]].title
    assert told.text == f"because you watched {title}"
    alone = explain_slate(like, request, slate, seen=(stranger,))[best]
    assert (alone.reason, alone.because_of) == ("liked_feature", "genre=Drama")
    assert alone.text == "because of genre Drama"


def test_an_explored_item_says_so() -> None:
    slate, explained = explain(ask(explore_rate=1.0))
    reasons = {found.reason: item_id for item_id, found in explained.items()}
    assert reasons["explored"] not in slate.policy_order[:10]
    assert sum(found.reason == "explored" for found in explained.values()) == 1


def test_an_item_in_a_reserved_slot_says_when_it_launched() -> None:
    weak = LAUNCHED.bias - 50.0 * LAUNCHED.launched_since(NOW, days=30).astype(np.float32)
    catalogue = replace(LAUNCHED, bias=weak.astype(np.float32))
    request = ask(surface_plan=SurfacePlan(launch_slots=(3,)))
    slate = rank_slate(catalogue, request)
    explained = explain_slate(catalogue, request, slate, seen=())
    told = explained[slate.shown[2].item_id]
    assert told.reason == "launch"
    assert told.rank > 100
    assert [found.reason == "launch" for found in explained.values()].count(True) == 1
