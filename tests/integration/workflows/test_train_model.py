from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from recsysops.adapters.memory import (
    MemoryBlobs,
    MemoryItems,
    MemoryLake,
    MemoryMembers,
    MemoryRegistry,
)
from recsysops.errors import BadData, DependencyError
from recsysops.model.artefact import artefact_key, unpack_artefact
from recsysops.model.feedback_weights import FeedbackWeights, RatingStep
from recsysops.model.interactions import Interactions
from recsysops.model.packing import unpack_vector
from recsysops.simulation.members import SimulatedWorld
from recsysops.vocabulary import Member, ModelEntry
from recsysops.workflows.load_world import load_world
from recsysops.workflows.train_model import train_model

WORLD = SimulatedWorld(seed=71, n_members=40, n_items=60)


class Trained:
    """A stage of memory ports with one model trained on it."""

    def __init__(self) -> None:
        self.blobs, self.members, self.registry = MemoryBlobs(), MemoryMembers(), MemoryRegistry()
        self.told: list[tuple[str, int, int]] = []

    def train(
        self,
        *,
        days_earlier: int = 0,
        seed: int = 1,
        status: str = "production",
        rows: Interactions = WORLD.interactions,
        **given: Any,
    ) -> str:
        return train_model(
            rows,
            WORLD.items,
            as_of=WORLD.end - timedelta(days=days_earlier),
            seed=seed,
            blobs=self.blobs,
            members=self.members,
            registry=self.registry,
            status=status,  # type: ignore[arg-type]
            trained_by="test",
            progress=lambda what, done, total: self.told.append((what, done, total)),
            new_salt=lambda: "salt",
            **given,
        )

    def files(self, model_id: str) -> Mapping[str, bytes]:
        prefix = artefact_key(model_id, "")
        return {key.removeprefix(prefix): self.blobs.get(key)
                for key in self.blobs.list_keys(prefix)}  # fmt: skip


@pytest.fixture(scope="module")
def trained() -> Trained:
    stage = Trained()
    stage.train()
    return stage


def test_artefact_members_and_registry_fit_together(trained: Trained) -> None:
    (entry,) = trained.registry.entries()
    artefact = unpack_artefact(trained.files(entry.model_id))
    assert artefact.model_id == entry.model_id
    assert (entry.status, entry.trained_at) == ("production", WORLD.end)
    assert entry.metrics["validation_events"] > 0
    member = trained.members.get("m-0007")
    assert member is not None
    vector = unpack_vector(member.vectors[entry.model_id], owner=artefact.owner)
    assert vector.shape == (artefact.encoder.width,)
    assert vector.any()


def test_members_have_seen_what_they_chose_oldest_first(trained: Trained) -> None:
    rows = WORLD.interactions
    own = rows.items[rows.members == rows.member_ids.index("m-0007")]
    member = trained.members.get("m-0007")
    assert member is not None
    assert member.seen == tuple(rows.item_ids[item] for item in own)
    assert member.salt == "salt"


def test_what_is_worth_nothing_teaches_nothing_but_was_seen_all_the_same(
    trained: Trained,
) -> None:
    values = np.where(np.arange(len(WORLD.interactions)) % 4 == 0, 1.0, 5.0).astype(np.float32)
    liked = FeedbackWeights(rating=(RatingStep(at_least=4.0, weight=1.0),))
    picky = Trained()
    rows = replace(WORLD.interactions, values=values)
    assert picky.train(rows=rows, weights=liked) != trained.registry.entries()[0].model_id
    (weighed,) = picky.registry.entries()
    arrays = picky.files(weighed.model_id)
    taught = Trained()
    liked_alone = taught.files(taught.train(rows=rows.take(values == 5.0)))
    assert arrays["item_matrix.npy"] == liked_alone["item_matrix.npy"]
    before, after = trained.members.get("m-0007"), picky.members.get("m-0007")
    assert before is not None
    assert after is not None
    assert after.seen == before.seen


def test_progress_names_every_step_in_order(trained: Trained) -> None:
    assert [done for _, done, _ in trained.told] == list(range(6))
    assert {total for _, _, total in trained.told} == {6}


def test_training_again_keeps_salts_seen_items_and_the_newest_three_models() -> None:
    stage = Trained()
    stage.members.put_many([Member("m-0003", {"m-old": b"x"}, ("i-9999",), "own salt")])
    ids = [stage.train(days_earlier=days) for days in (9, 6, 3, 0)]
    assert len(set(ids)) == 4
    member = stage.members.get("m-0003")
    assert member is not None
    assert set(member.vectors) == set(ids[1:])
    assert member.salt == "own salt"
    assert member.seen[-1] == "i-9999"
    assert len(set(member.seen)) == len(member.seen) > 5


def test_a_new_production_model_retires_the_one_before_and_a_candidate_does_not() -> None:
    stage = Trained()
    first = stage.train(days_earlier=2)
    candidate = stage.train(days_earlier=1, status="candidate")
    assert {e.model_id: e.status for e in stage.registry.entries()} == {
        first: "production", candidate: "candidate",
    }  # fmt: skip
    second = stage.train()
    statuses = {e.model_id: e.status for e in stage.registry.entries()}
    assert statuses == {first: "retired", candidate: "candidate", second: "production"}


def test_only_choices_before_the_moment_are_learned_and_seen() -> None:
    stage = Trained()
    stage.train(days_earlier=40)
    until = (WORLD.end - timedelta(days=40)).timestamp()
    early = WORLD.interactions.before(until)
    for code, member_id in enumerate(early.member_ids):
        member = stage.members.get(member_id)
        own = early.items[early.members == code]
        assert len(own) == (0 if member is None else len(member.seen))


def test_nothing_points_at_a_model_that_was_not_wholly_written() -> None:
    class FullDisk(MemoryBlobs):
        def put(self, key: str, body: bytes) -> None:
            if key.endswith("play_counts.npy"):
                raise DependencyError("disk is full")
            super().put(key, body)

    stage = Trained()
    stage.blobs = FullDisk()
    with pytest.raises(DependencyError):
        stage.train()
    assert not stage.registry.entries()
    assert len(stage.members) == 0
    assert not [key for key in stage.blobs.list_keys("") if key.endswith("manifest.json")]


def test_nothing_to_train_on_writes_nothing() -> None:
    stage = Trained()
    stage.registry.put(ModelEntry("m-good", "production", WORLD.end))
    with pytest.raises(BadData, match="nothing to train on"):
        stage.train(days_earlier=10_000)
    assert not stage.blobs.list_keys("")
    assert [entry.status for entry in stage.registry.entries()] == ["production"]


def test_loading_a_world_writes_every_item_and_tells_how_far_it_is() -> None:
    store, told = MemoryItems(), []
    written = load_world(
        WORLD.items, store=store, progress=lambda what, done, total: told.append((done, total))
    )
    assert written == len(store) == 60
    assert told == [(0, 60), (60, 60)]
    assert sorted(store.scan(), key=lambda item: item.item_id) == list(WORLD.items)


class BusyMembers(MemoryMembers):
    """Members who watch on while the model is being written, right after they were read."""

    def scan(self) -> Iterator[Member]:
        yield from list(super().scan())
        self.add_seen("m-0003", ["i-meanwhile"])

    def update_many(
        self, member_ids: Iterable[str], change: Callable[[str, Member | None], Member]
    ) -> None:
        known = list(member_ids)
        self.add_seen("m-0003", ["i-meanwhile"])
        super().update_many(known, change)


def test_what_members_watch_while_a_model_is_released_stays_seen() -> None:
    stage = Trained()
    stage.members = BusyMembers([Member("m-0003", {}, ("i-before",), "own salt")])
    model_id = stage.train()
    member = stage.members.get("m-0003")
    assert member is not None
    assert {"i-before", "i-meanwhile"} <= set(member.seen)
    assert (set(member.vectors), member.salt) == ({model_id}, "own salt")


def test_a_candidate_has_its_profile_in_the_lake_as_soon_as_it_is_trained() -> None:
    stage, lake = Trained(), MemoryLake()
    model_id = stage.train(status="candidate", lake=lake)
    assert [key for key in lake.objects if f"profile-{model_id}" in key]
