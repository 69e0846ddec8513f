"""Writes are typed, bounded and never go back in time; an import writes what it can."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.adapters.memory import MemoryItems, MemoryMembers
from recsysops.errors import BadBody, BadInput, ConflictError
from recsysops.model.packing import unpack_vector
from recsysops.serving.api import parse_body
from recsysops.serving.features_api import ItemBody, MemberBody
from recsysops.workflows.import_features import Imported, import_features, read_batch
from recsysops.workflows.put_features import put_item, put_member

from tests.fakes.served_world import ServedWorld, make_world

ITEM = {"title": "Dumbo", "source": "supplier-1", "batch": "2026-03-01", "version": 3}
WORLD = make_world(30)


def item_body(**changes: Any) -> ItemBody:
    return parse_body(ItemBody, json.dumps({**ITEM, **changes}).encode())


def write_member(world: ServedWorld, member_id: str = "m1", **body: Any) -> None:
    parsed = parse_body(MemberBody, json.dumps(body).encode())
    put_member(member_id, parsed, members=world.members, blobs=world.blobs)


def test_an_item_is_stored_as_sent_with_what_is_left_out_unknown() -> None:
    items = MemoryItems()
    put_item("i1", item_body(genres=["Drama"], price=3), items=items)
    (item,) = items.scan()
    assert (item.item_id, item.title, item.genres, item.price) == ("i1", "Dumbo", ("Drama",), 3.0)
    assert (item.year, item.in_stock, item.launch_date, item.batch) == (
        None, None, None, "2026-03-01",
    )  # fmt: skip


def test_the_same_write_again_is_no_harm_another_of_its_version_is_a_conflict() -> None:
    items = MemoryItems()
    put_item("i1", item_body(), items=items)
    put_item("i1", item_body(), items=items)
    for other in (item_body(title="Other"), item_body(version=2)):
        with pytest.raises(ConflictError, match="or a newer one is stored"):
            put_item("i1", other, items=items)
    put_item("i1", item_body(title="Other", version=4), items=items)
    assert [item.title for item in items.scan()] == ["Other"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"price": -0.5}, "price"),
        ({"price": "cheap"}, "price"),
        ({"year": 19950}, "year"),
        ({"year": 1995.0}, "year"),
        ({"in_stock": "yes"}, "in_stock"),
        ({"title": ""}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"genres": ["g"] * 33}, "genres"),
        ({"genres": [""]}, "genres.0"),
        ({"source": "a/b"}, "source"),
        ({"launch_date": "soon"}, "launch_date"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"simulated": ["item_id"]}, "simulated.0"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_path(change: dict[str, Any], path: str) -> None:
    with pytest.raises(BadBody) as refused:
        item_body(**change)
    assert refused.value.problems[0][0] == path


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["price", "anticipation"])
def test_no_number_that_is_none_gets_in(name: str, number: str) -> None:
    text = json.dumps({**ITEM, name: 0}).replace(f'"{name}": 0', f'"{name}": {number}')
    with pytest.raises(BadBody) as refused:
        parse_body(ItemBody, text)
    assert name in str(refused.value.problems) or "body" in str(refused.value.problems)


def test_a_members_vector_can_be_read_by_the_model_it_names() -> None:
    world = make_world(30)
    artefact, before = world.artefact, world.members.get("m1")
    vector = np.arange(artefact.encoder.width, dtype=np.float32)
    write_member(world, version=1, vectors={artefact.model_id: vector.tolist()})
    member = world.members.get("m1")
    assert member is not None
    assert before is not None
    packed = member.vectors[artefact.model_id]
    assert unpack_vector(packed, owner=artefact.owner).tolist() == vector.tolist()
    assert (member.seen, member.salt) == (before.seen, before.salt)


def test_seen_items_are_replaced_and_a_new_member_gets_a_salt() -> None:
    world = make_world(30)
    write_member(world, "new", version=7, seen=["i1", "i2", "i1"])
    member = world.members.get("new")
    assert member is not None
    assert (member.seen, bool(member.salt), dict(member.vectors)) == (("i2", "i1"), True, {})
    with pytest.raises(ConflictError):
        write_member(world, "new", version=7, seen=[])


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ({"m-none": [1.0]}, "no such model"),
        ({WORLD.artefact.model_id: [1.0]}, "1 numbers; vectors of this model have 17"),
    ],
)
def test_vectors_must_fit_a_model_that_exists(vectors: dict[str, Any], words: str) -> None:
    with pytest.raises(BadBody, match=words):
        write_member(WORLD, version=9, vectors=vectors)


def bring_in(rows: list[Any]) -> Imported:
    return import_features(
        rows, items=MemoryItems(WORLD.items), members=MemoryMembers(), blobs=WORLD.blobs
    )


def test_a_bad_row_of_an_import_does_not_stop_its_neighbours() -> None:
    rows = [
        {"item_id": "i1", **ITEM},
        {"item_id": "i1", **ITEM, "price": -1},
        {"item_id": "i0007", **ITEM, "version": 1},
        {"member_id": "m9", "version": 1},
        {"item_id": "i1", "member_id": "m9"},
        {"item_id": "../i1", **ITEM},
    ]
    imported = bring_in(rows)
    assert (imported.written, imported.superseded, imported.refused) == (2, 1, 3)
    assert imported.problems[0].startswith("price:")


@given(st.lists(st.dictionaries(st.sampled_from(["item_id", "member_id", "version", "title", "x"]),
       st.none() | st.text(max_size=5) | st.integers() | st.lists(st.integers(), max_size=2)),
       max_size=5))  # fmt: skip
def test_every_row_is_counted_once_whatever_it_holds(rows: list[Any]) -> None:
    imported = bring_in(rows)
    assert imported.written + imported.superseded + imported.refused == len(rows)


def test_a_batch_is_a_list_of_objects_and_a_lone_row_is_a_batch_of_one() -> None:
    assert read_batch({"Items": [{"item_id": "i1"}]}) == [{"item_id": "i1"}]
    assert read_batch({"item_id": "i1"}) == [{"item_id": "i1"}]
    for garbled in ({"Items": "x"}, {"Items": [1]}):
        with pytest.raises(BadInput, match="list of objects"):
            read_batch(garbled)
