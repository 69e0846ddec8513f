from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryItems, MemoryLake, MemoryRegistry
from recsysops.errors import BadData
from recsysops.model.vector_set import VectorSet
from recsysops.request_log.job_records import ModelProfileRow
from recsysops.request_log.schema import decode_record
from recsysops.serving.replay import replay_record
from recsysops.vocabulary import ModelPointer
from recsysops.workflows.import_model import ImportedModel, import_model
from recsysops.workflows.publish_delta import publish_delta

from tests.fakes.served_world import AS_OF, NOW, TRAINED_AT, ServedWorld, make_world


def foreign_vectors(world: ServedWorld) -> tuple[VectorSet, VectorSet]:
    """A model that two towers of width 7 might have learned, with a bias per item."""
    rng = np.random.default_rng(5)
    ids = [item.item_id for item in world.items] + ["gone"]
    items = VectorSet(
        tuple(rng.permutation(ids).tolist()),
        rng.normal(size=(len(ids), 7)).astype(np.float32),
        rng.normal(size=len(ids)).astype(np.float32),
    )
    return items, VectorSet(("m1", "stranger"), rng.normal(size=(2, 7)).astype(np.float32))


def imported_into(
    world: ServedWorld, registry: MemoryRegistry, lake: MemoryLake | None = None
) -> ImportedModel:
    items, members = foreign_vectors(world)
    return import_model(
        items,
        members,
        as_of=TRAINED_AT,
        trained_by="two towers",
        item_store=MemoryItems(world.items),
        blobs=world.blobs,
        member_store=world.members,
        registry=registry,
        new_salt=lambda: "salt",
        lake=lake,
    )


def test_an_imported_model_serves_logs_and_replays_like_any_other() -> None:
    world, registry = make_world(), MemoryRegistry()
    model = imported_into(world, registry)
    publish_delta(
        items=MemoryItems(world.items),
        blobs=world.blobs,
        lake=MemoryLake(),
        queries=None,
        pointer=ModelPointer(model.model_id),
        as_of=AS_OF,
    )
    world.flags.pointer = ModelPointer(model.model_id)
    world.flags.plan = replace(world.flags.plan, explore_rate=0.0)

    answer = world.recommend(limit=5)

    assert (answer.model_id, answer.status) == (model.model_id, "ok")
    items, members = foreign_vectors(world)
    assert items.bias is not None
    scores = dict(zip(items.ids, items.vectors @ members.vectors[0] + items.bias, strict=True))
    member = world.members.get("m1")
    assert member is not None
    launched = {
        i.item_id for i in world.items if i.launch_date is None or i.launch_date <= NOW.date()
    }
    allowed = launched - set(member.seen)
    best = sorted(allowed, key=lambda item_id: -scores[item_id])[:5]
    assert [item.item_id for item in answer.items] == best
    (record,) = world.full()
    replayed = replay_record(record, world.cache.load(record.model_id, record.delta_id))
    assert replayed.scores.tolist() == record.scores


def test_members_keep_their_other_vectors_what_they_saw_and_their_salt() -> None:
    world, registry = make_world(), MemoryRegistry()
    before = world.members.get("m1")
    model = imported_into(world, registry)
    after = world.members.get("m1")
    assert before is not None
    assert after is not None
    assert (after.salt, after.seen) == (before.salt, before.seen)
    assert model.model_id in after.vectors
    stranger = world.members.get("stranger")
    assert stranger is not None
    assert (stranger.salt, stranger.seen) == ("salt", ())


def test_the_answer_counts_and_the_registry_has_a_candidate() -> None:
    world, registry = make_world(count=20), MemoryRegistry()
    model = imported_into(world, registry)
    assert model == ImportedModel(model.model_id, items=21, known_items=20, members=2)
    (entry,) = registry.entries()
    assert (entry.model_id, entry.status) == (model.model_id, "candidate")


def test_vectors_of_another_catalogue_are_refused_and_nothing_is_written() -> None:
    world, registry = make_world(count=20), MemoryRegistry()
    keys, members = world.blobs.list_keys(""), list(world.members.scan())
    items, known = foreign_vectors(world)
    with pytest.raises(BadData, match="none of the 21 item vectors names an item"):
        import_model(
            replace(items, ids=tuple(f"x{one}" for one in items.ids)),
            known,
            as_of=TRAINED_AT,
            trained_by="two towers",
            item_store=MemoryItems(world.items),
            blobs=world.blobs,
            member_store=world.members,
            registry=registry,
        )
    assert world.blobs.list_keys("") == keys
    assert list(world.members.scan()) == members
    assert registry.entries() == []


def test_an_imported_candidate_has_its_profile_in_the_lake() -> None:
    world, lake = make_world(count=20), MemoryLake()
    model = imported_into(world, MemoryRegistry(), lake)
    rows = [decode_record(ModelProfileRow, row) for row in lake.rows("model_profiles")]
    assert {row.model_id for row in rows} == {model.model_id}
    assert sum(r.items for r in rows if (r.subject, r.segment) == ("collaborative", "all")) == 21
