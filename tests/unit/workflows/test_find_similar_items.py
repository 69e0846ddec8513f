"""Similar items: filters hold for the answer, not for the question; nothing missing is a 5xx."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.adapters.memory import MemoryLog
from recsysops.errors import BadBody, NotFound
from recsysops.model.delta import POINTER_KEY, delta_key
from recsysops.request_log.records import SimilarLine
from recsysops.request_log.schema import decode_record
from recsysops.serving.api import parse_parameters
from recsysops.serving.similar import embed_features
from recsysops.serving.similar_api import (
    QueryFeatures,
    SimilarParameters,
    SimilarRequest,
    SimilarResponse,
)
from recsysops.vocabulary import FlagDocument, ItemFeatures
from recsysops.workflows.find_similar_items import SimilarPorts, similar_to, similar_to_item
from recsysops.workflows.load_catalogue import DeltaPointer, dump_delta_pointer

from tests.fakes.served_world import AS_OF, NOW, ServedWorld, make_delta, make_world
from tests.fakes.small_catalogue import make_hotfix


def ports_of(world: ServedWorld, **given: Any) -> SimilarPorts:
    return SimilarPorts(world.ports.state, world.flags, world.log, world.perf_counter, **given)


def like(world: ServedWorld, item_id: str = "i0007", **asked: str) -> SimilarResponse:
    parameters = parse_parameters(SimilarParameters, {"item_id": item_id, **asked})
    return similar_to_item(parameters, request_id="r-1", ports=ports_of(world), now=NOW)


def ask(world: ServedWorld, *, embedder: Any = None, **body: Any) -> SimilarResponse:
    request = SimilarRequest.model_validate(body)
    ports = ports_of(world, embedder=embedder)
    return similar_to(request, request_id="r-1", ports=ports, now=NOW)


def world_of(change: Any) -> ServedWorld:
    """A world whose snapshot holds other prices and stock."""
    world = make_world()
    items = tuple(change(row, item) for row, item in enumerate(world.items))
    delta_id, body = make_delta(world.artefact, items)
    world.blobs.put(delta_key(delta_id), body)
    pointer = DeltaPointer(delta_id, AS_OF, world.artefact.model_id)
    world.blobs.put(POINTER_KEY, dump_delta_pointer(pointer))
    return replace(world, items=items, delta_id=delta_id)


def stock_and_price(row: int, item: ItemFeatures) -> ItemFeatures:
    return replace(
        item,
        in_stock=(True, False, None)[row % 3],
        price=None if row % 5 == 0 else float(row % 23),
    )


def test_an_item_leads_to_others_by_falling_cosine_and_never_to_itself() -> None:
    answer = like(make_world(), limit="20")
    assert "i0007" not in {item.item_id for item in answer.items}
    similarities = [item.similarity for item in answer.items]
    assert similarities == sorted(similarities, reverse=True)
    assert [item.position for item in answer.items] == list(range(1, 21))
    assert (answer.status, answer.query) == ("ok", "item")


@given(row=st.integers(0, 199), max_price=st.integers(0, 25), in_stock=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_sold_out_or_dear_item_leads_only_to_buyable_ones(
    row: int, max_price: int, in_stock: bool
) -> None:
    answer = like(
        BUYABLE, f"i{row:04d}", limit="50", max_price=str(max_price), in_stock=str(in_stock).lower()
    )
    items = {item.item_id: item for item in BUYABLE.items}
    for found in answer.items:
        item = items[found.item_id]
        assert item.price is not None
        assert item.price <= max_price
        assert item.in_stock is True or not in_stock


BUYABLE = world_of(stock_and_price)


def test_only_launched_items_come_back_but_an_upcoming_one_may_be_asked_about() -> None:
    world = world_of(lambda row, item: replace(item, launch_date=date(2030, 1, 1 + row % 2)))
    assert like(world).items == ()
    assert like(make_world(), "i0199").items


def test_an_unknown_item_is_not_found() -> None:
    with pytest.raises(NotFound, match="no item 'i9999'"):
        like(make_world(), "i9999")


def test_without_a_catalogue_the_list_is_empty_and_says_so() -> None:
    world = make_world()
    world.blobs.objects.pop(POINTER_KEY)
    for answer in (like(world), ask(world, text="drama")):
        assert (answer.items, answer.status, answer.fallback_reason) == (
            (), "fallback", "no_catalogue",
        )  # fmt: skip


def test_the_vector_of_an_item_finds_that_item_first() -> None:
    world = make_world()
    vector = world.catalogue.matrix[7].tolist()
    (best, *_) = ask(world, vector=vector).items
    assert (best.item_id, best.similarity) == ("i0007", 1.0)
    assert "i0007" not in {i.item_id for i in ask(world, vector=vector, exclude=["i0007"]).items}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"vector": [1.0, 2.0]}, "vector"),
        ({"vector": [0.0] * 17}, "vector"),
        ({"features": {"genres": ["no such genre"]}}, "features"),
        ({"text": "zzyzx"}, "text"),
    ],
)
def test_a_question_that_points_nowhere_is_refused_with_its_path(
    body: dict[str, Any], path: str
) -> None:
    with pytest.raises(BadBody) as refused:
        ask(make_world(), **body)
    assert refused.value.problems[0][0] == path


def test_features_are_embedded_as_an_item_without_history_would_be() -> None:
    world = make_world()
    catalogue, item = world.catalogue, world.items[3]
    features = QueryFeatures(genres=item.genres, year=item.year, language=item.language)
    vector, width = embed_features(catalogue, features), catalogue.encoder.content_width
    assert vector[:width].tolist() == catalogue.encoder.encode(item).tolist()
    assert not vector[width:].any()


def test_a_text_finds_the_items_that_bear_its_words() -> None:
    world = make_world()
    answer = ask(world, text="TITLE 42, please", limit=3)
    assert answer.items[0].item_id == "i0042"
    genres = {item.item_id: item.genres for item in world.items}
    assert all("Romance" in genres[i.item_id] for i in ask(world, text="romance", limit=5).items)


class Caption:
    """An embedder of pictures that has seen one."""

    def embed(self, text: str, *, model_id: str) -> list[float]:
        return [0.0, 1.0] if text == "odd" else [float(text == "a cat"), *[0.5] * 16]


def test_another_embedder_takes_the_place_of_words() -> None:
    world = make_world()
    by_vector = ask(world, vector=[1.0, *[0.5] * 16])
    assert ask(world, text="a cat", embedder=Caption()).items == by_vector.items
    with pytest.raises(BadBody, match="items of this model have"):
        ask(world, text="odd", embedder=Caption())


def test_a_blocked_item_is_not_similar_to_anything() -> None:
    world = make_world()
    best = like(world).items[0].item_id
    lasting = NOW + timedelta(days=1)
    block = make_hotfix("block_items", {"item_ids": [best]}, expires_at=lasting)
    world.flags.document = FlagDocument(version="v", hotfixes=(block,))
    assert best not in {item.item_id for item in like(world).items}


def test_a_new_snapshot_is_searched_at_once() -> None:
    world, other = make_world(), make_world(seed=5)
    ports = ports_of(world)
    first = ports.indexes.of(world.catalogue)
    assert np.isfinite(first.norms).all()
    assert not first.fits(other.catalogue)


def lines(world: ServedWorld) -> list[SimilarLine]:
    return [decode_record(SimilarLine, row) for row in world.log.rows("similar_requests")]


def test_a_search_for_an_item_leaves_one_line_apart_from_the_log_of_rankings() -> None:
    world = make_world()
    answer = like(world, genres_any="Drama", limit="3")
    (line,) = lines(world)
    assert (line.request_id, line.surface, line.query, line.seed_item) == (
        "r-1", "item", "item", "i0007",
    )  # fmt: skip
    assert line.shown == [item.item_id for item in answer.items]
    assert line.similarities == [item.similarity for item in answer.items]
    assert line.propensities == [1.0] * 3
    assert (line.model_id, line.delta_id) == (answer.model_id, answer.delta_id)
    assert json.loads(line.filters or "") == {"genres_any": ["Drama"]}
    assert (line.event_time, line.status) == (NOW, "ok")
    assert world.slim() == world.full() == [], "no audit of rankings meets it"


def test_queries_are_told_apart_by_a_digest_and_never_logged_themselves() -> None:
    world = make_world()
    vector = world.catalogue.matrix[3].tolist()
    ask(world, vector=vector, exclude=["i0001", "i0002"])
    ask(world, vector=vector)
    ask(world, text="a title nobody should read in a log 7")
    first, again, text = lines(world)
    assert first.query_digest == again.query_digest != text.query_digest
    assert first.query_digest == sha256(world.catalogue.matrix[3].tobytes()).hexdigest()[:16]
    assert (first.surface, first.excluded_count, first.seed_item) == ("similar", 2, None)
    assert "nobody" not in str(world.log.rows("similar_requests"))


def test_a_search_before_anything_is_loaded_is_logged_with_its_reason() -> None:
    world = make_world()
    world.blobs.objects.clear()
    like(world)
    (line,) = lines(world)
    assert (line.status, line.fallback_reason, line.model_id) == ("fallback", "no_catalogue", "")
    assert (line.query_digest, line.shown) == (None, [])


def test_the_line_is_made_after_the_response() -> None:
    world, later = make_world(), []

    class Deferring(MemoryLog):
        def defer(self, work: Any) -> None:
            later.append(work)

    world.log = Deferring()
    like(world)
    assert lines(world) == []
    later.pop()()
    assert len(lines(world)) == 1
