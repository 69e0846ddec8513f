"""Four days of the real recommender in process: quiet, a wrong language, mended, a lost block.

Real model, real workflows, the SQL of the deployed audits; only ports are in memory. The seed is
none of those that fixed a threshold (0 to 9).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest
from recsysops.cli.story.in_process import InProcessStage
from recsysops.datasets.movielens import load_movielens
from recsysops.model.artefact import artefact_key
from recsysops.model.packing import pack_vector, unpack_vector
from recsysops.simulation.batches import nightly_batches
from recsysops.simulation.retimed import RetimedWorld, StretchName, build_retimed_world
from recsysops.vocabulary import Incident, ModelEntry, ModelPointer, Window
from recsysops.workflows.load_catalogue import load_artefact
from recsysops.workflows.train_model import train_model

SEED = 51
END = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Story:
    """The stage after four days, and the incidents that each day's audit opened."""

    stage: InProcessStage
    opened: dict[str, list[Incident]]
    broken_language: str


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    stage, world = (
        InProcessStage(),
        build_retimed_world(load_movielens(), seed=SEED, end=END, requests_per_stretch=1_000),
    )
    stage.ports.items.put_many([*world.items, *world.upcoming])
    model_id = _train(stage, world)
    stage.point_at(ModelPointer(model_id))
    _serve_day(stage, world, "reference")
    opened = {}
    _serve_day(stage, world, "healthy")
    opened["healthy"] = _audit(stage, world, "healthy", against="reference")
    language = _serve_day(stage, world, "broken", corrupt=True)
    opened["broken"] = _audit(stage, world, "broken", against="healthy")
    _promote_without_collaborative_block(stage, model_id, at=world.stretches["recovered"].window)
    _serve_day(stage, world, "recovered")
    opened["recovered"] = _audit(stage, world, "recovered", against="healthy")
    yield Story(stage, opened, language)
    stage.lake.close()


def test_a_day_of_real_traffic_and_nightly_batches_is_quiet(story: Story) -> None:
    assert story.opened["healthy"] == []


def test_a_language_misconfigured_upstream_is_the_one_incident_of_its_day(story: Story) -> None:
    [incident] = story.opened["broken"]
    assert (incident.component, incident.subject) == ("item_features", "language")
    assert f"'{story.broken_language}' vanished" in incident.title


def test_a_model_that_lost_a_block_is_the_one_new_incident_after_the_language_was_mended(
    story: Story,
) -> None:
    [incident] = story.opened["recovered"]
    assert (incident.component, incident.subject) == ("model", "collaborative")
    assert {finding.audit for finding in incident.findings} == {"model_profile", "score_drift"}


def test_the_mended_language_is_told_in_its_incidents_story(story: Story) -> None:
    [incident] = story.opened["broken"]
    events = [
        entry["event"] for entry in story.stage.ports.incidents.get(incident.incident_id).timeline
    ]
    assert events == ["detected", "paged", "not_seen"]


def test_everybody_was_paged_once_per_incident(story: Story) -> None:
    assert len(story.stage.notifier.messages) == 2


def _train(stage: InProcessStage, world: RetimedWorld) -> str:
    return train_model(
        world.training,
        world.items,
        as_of=world.stretches["reference"].window.start,
        seed=SEED,
        blobs=stage.ports.blobs,
        members=stage.ports.members,
        registry=stage.ports.registry,
        trained_by="test",
    )


def _serve_day(
    stage: InProcessStage, world: RetimedWorld, name: StretchName, *, corrupt: bool = False
) -> str:
    """Last night's batches, a snapshot, the day's traffic; returns the corrupted language."""
    stretch = world.stretches[name]
    items = nightly_batches(world, stretch.window.start.date(), SEED)
    spoken = sorted({item.language for item in items if item.language})
    language = spoken[SEED % len(spoken)]
    if corrupt:
        items = [replace(i, language="xx") if i.language == language else i for i in items]
    stage.ports.items.put_many(items)
    stage.publish(stretch.window.start)
    stage.send(stretch, lambda done, total: None)
    return language


def _audit(
    stage: InProcessStage, world: RetimedWorld, name: StretchName, *, against: StretchName
) -> list[Incident]:
    known = {incident.incident_id for incident in stage.ports.incidents.list_incidents()}
    stage.audit(world.stretches[name].window, world.stretches[against].window)
    return [i for i in stage.ports.incidents.list_incidents() if i.incident_id not in known]


def _promote_without_collaborative_block(
    stage: InProcessStage, model_id: str, *, at: Window
) -> None:
    """Approve an export of the model whose collaborative columns are zeros, and serve it."""
    from recsysops.model.artefact import pack_artefact, unpack_artefact

    ports = stage.ports
    good = load_artefact(ports.blobs, model_id)
    matrix = good.item_matrix.copy()
    matrix[:, good.encoder.content_width :] = np.float32(0.0)
    files = pack_artefact(
        manifest=good.manifest.model_dump(exclude={"model_id", "schema_hash", "files"}),
        item_ids=good.item_ids,
        item_matrix=matrix,
        play_counts=good.play_counts,
    )
    lost = unpack_artefact(files)
    for name, body in files.items():
        ports.blobs.put(artefact_key(lost.model_id, name), body)
    for member in list(ports.members.scan()):
        if packed := member.vectors.get(model_id):
            vector = pack_vector(unpack_vector(packed, owner=good.owner), owner=lost.owner)
            ports.members.put_many(
                [replace(member, vectors={**member.vectors, lost.model_id: vector})]
            )
    ports.registry.put(ModelEntry(model_id, "retired", at.start))
    ports.registry.put(ModelEntry(lost.model_id, "production", at.end))
    stage.point_at(ModelPointer(lost.model_id))
