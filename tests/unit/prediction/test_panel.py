"""The panel's top k, held to the ranking that really serves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.errors import BadInput
from recsysops.model.catalogue import Catalogue, assemble_catalogue
from recsysops.prediction.panel import Panel, find_frontier, score_item, share_in_top
from recsysops.serving.ranking import RankingRequest, rank_item

from tests.fakes.launch_stage import make_catalogue_items, make_model, make_panel
from tests.fakes.served_world import AS_OF, ENCODER


def make_catalogue(count: int = 60) -> Catalogue:
    return assemble_catalogue(*make_model(make_catalogue_items(count, upcoming=0)))


def share_by_serving(catalogue: Catalogue, panel: Panel, item_id: str, k: int) -> float:
    """Ask the ranking code of the request path, member by member."""
    hits = 0
    for member, vector in enumerate(panel.vectors):
        request = RankingRequest(
            request_id="r",
            event_time=AS_OF,
            limit=k,
            candidates=(),
            excluded=tuple(panel.seen[member]) if panel.seen else (),
            member_vector=vector,
            explore_rate=0.0,
        )
        rank = rank_item(catalogue, request, item_id).rank
        hits += rank is not None and rank <= k
    return hits / len(panel.vectors)


def share_by_frontier(catalogue: Catalogue, panel: Panel, item_id: str, k: int) -> float:
    row = catalogue.row_of[item_id]
    frontier = find_frontier(
        catalogue, panel, bias=catalogue.bias, eligible=catalogue.launched(AS_OF), k=k
    )
    own = catalogue.bias[row : row + 1]
    scores = score_item(catalogue, panel, catalogue.matrix[row], biases=own)
    return share_in_top(frontier, scores[0], row=row)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 70), st.floats(0.0, 3.0))
def test_shares_are_what_the_serving_path_ranks(seed: int, k: int, scale: float) -> None:
    catalogue = make_catalogue()
    panel = make_panel(seed=seed, scale=scale)
    for item_id in (catalogue.item_ids[seed % 60], catalogue.item_ids[0]):
        expected = share_by_serving(catalogue, panel, item_id, k)
        assert share_by_frontier(catalogue, panel, item_id, k) == expected


def test_equal_scores_are_ranked_by_item_id() -> None:
    """Cold members score everything alike: the first k ids are on the list, no other."""
    catalogue = replace(make_catalogue(), bias=np.ones(60, dtype=np.float32))
    panel = make_panel(scale=0.0)
    shares = [share_by_frontier(catalogue, panel, item_id, 7) for item_id in catalogue.item_ids]
    assert shares == [1.0] * 7 + [0.0] * 53


def test_what_a_member_has_seen_leaves_its_place_to_others() -> None:
    catalogue = replace(make_catalogue(), bias=np.ones(60, dtype=np.float32))
    first = frozenset(catalogue.item_ids[:7])
    panel = replace(make_panel(2, scale=0.0), seen=(first, frozenset()))
    assert share_by_frontier(catalogue, panel, catalogue.item_ids[9], 7) == 0.5


def test_seen_items_that_the_catalogue_no_longer_has_do_no_harm() -> None:
    catalogue = make_catalogue()
    panel = replace(make_panel(2), seen=(frozenset({"gone"}), frozenset()))
    item_id = catalogue.item_ids[0]
    expected = share_by_frontier(catalogue, make_panel(2), item_id, 5)
    assert share_by_frontier(catalogue, panel, item_id, 5) == expected


def test_with_fewer_items_than_slots_everyone_sees_everything() -> None:
    catalogue = make_catalogue(4)
    panel = make_panel()
    shares = [share_by_frontier(catalogue, panel, item_id, 5) for item_id in catalogue.item_ids]
    assert shares == [1.0] * 4


def test_when_nothing_is_eligible_a_launch_leads_every_list() -> None:
    catalogue = make_catalogue(4)
    panel = make_panel()
    nothing = np.zeros(4, dtype=np.bool_)
    frontier = find_frontier(catalogue, panel, bias=catalogue.bias, eligible=nothing, k=2)
    scores = score_item(catalogue, panel, catalogue.matrix[0], biases=catalogue.bias[:1])
    assert share_in_top(frontier, scores[0], row=0) == 1.0


def test_an_empty_panel_is_refused() -> None:
    catalogue = make_catalogue(4)
    panel = Panel(np.zeros((0, ENCODER.width), dtype=np.float32))
    with pytest.raises(BadInput, match="no members"):
        find_frontier(
            catalogue, panel, bias=catalogue.bias, eligible=catalogue.launched(AS_OF), k=2
        )


def test_vectors_of_another_model_are_refused() -> None:
    catalogue = make_catalogue(4)
    panel = Panel(np.zeros((3, ENCODER.width + 1), dtype=np.float32))
    with pytest.raises(BadInput, match="the model needs"):
        find_frontier(
            catalogue, panel, bias=catalogue.bias, eligible=catalogue.launched(AS_OF), k=2
        )
