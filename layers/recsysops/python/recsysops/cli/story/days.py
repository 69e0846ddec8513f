"""The days of a story: load, train, and the night before each day of traffic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from recsysops.cli.story.stage import Stage
from recsysops.cli.story.traffic import Progress
from recsysops.errors import BadInput
from recsysops.model.artefact import ModelArtefact, artefact_key
from recsysops.model.packing import pack_vector, unpack_vector
from recsysops.simulation.batches import nightly_batches
from recsysops.simulation.fault_names import INPUT_FAULTS, FaultName
from recsysops.simulation.faults import (
    FaultTruth,
    ZeroedArtefact,
    corrupt_items,
    lose_block,
    zero_one_block,
)
from recsysops.simulation.launch_dates import spoil_metadata
from recsysops.simulation.retimed import RetimedWorld, StretchName
from recsysops.vocabulary import ItemFeatures, Member, ModelEntry, ModelPointer, ModelStatus
from recsysops.workflows.load_catalogue import load_artefact
from recsysops.workflows.train_model import train_model

OLDER_SHARE = 0.5
"""The retired model is trained on this share of the history: a real, worse model."""


@dataclass(frozen=True, slots=True)
class TrainedModels:
    """The model in production and the retired one before it."""

    production: str
    retired: str


def load_items(stage: Stage, world: RetimedWorld) -> int:
    """Write every item, upcoming ones too; returns how many."""
    items = [*world.items, *world.upcoming]
    stage.ports.items.put_many(items)
    return len(items)


def train_models(
    stage: Stage, world: RetimedWorld, *, seed: int, retired_too: bool = True
) -> TrainedModels:
    """Train the retired model on older rows, production on all, and point at the latter.

    Without `retired_too` only production is trained, and `retired` is ''.
    """
    start = world.stretches["reference"].window.start
    first = float(world.training.times[0])
    older_end = first + OLDER_SHARE * (start.timestamp() - first)
    retired = ""
    if retired_too:
        retired = _train(stage, world, until=older_end, seed=seed, status="retired")
    production = _train(stage, world, until=start.timestamp(), seed=seed, status="production")
    stage.point_at(ModelPointer(production))
    return TrainedModels(production=production, retired=retired)


def run_day(
    stage: Stage, world: RetimedWorld, name: StretchName, *, seed: int, progress: Progress
) -> str:
    """Apply the night's supplier batches, publish, send the day's traffic; returns the delta id."""
    stretch = world.stretches[name]
    write_nightly_batches(stage, world, name, seed=seed)
    delta_id = stage.publish(stretch.window.start)
    stage.send(stretch, progress)
    return delta_id


def write_nightly_batches(
    stage: Stage,
    world: RetimedWorld,
    name: StretchName,
    *,
    seed: int,
    untouched: Collection[str] = (),
) -> Sequence[ItemFeatures]:
    """Write what every supplier delivers on the night before a stretch; the first day has none.

    `untouched` items are not delivered: what is wrong with them upstream stays wrong.
    """
    if name == "reference":
        return []
    kept = frozenset(untouched)
    day = world.stretches[name].window.start.date()
    rows = [item for item in nightly_batches(world, day, seed) if item.item_id not in kept]
    stage.ports.items.put_many(rows)
    return rows


def deliver_mishaps(stage: Stage, world: RetimedWorld) -> int:
    """Let a late batch spoil the metadata of some upcoming items; returns of how many."""
    spoiled = [
        spoil_metadata(item, world.mishaps[item.item_id])
        for item in stage.ports.items.scan()
        if item.item_id in world.mishaps
    ]
    stage.ports.items.put_many(spoiled)
    return len(spoiled)


def inject_fault(
    stage: Stage,
    fault: FaultName,
    *,
    items: Sequence[ItemFeatures],
    models: TrainedModels,
    seed: int,
    at: datetime,
) -> FaultTruth:
    """Let the mistake happen through the path that the real one takes; returns the truth."""
    rng = np.random.default_rng([seed, 77])
    if fault in INPUT_FAULTS:
        corrupted = corrupt_items(fault, items, rng=rng, today=at.date())
        stage.ports.items.put_many(corrupted.rows)
        return corrupted.truth
    if fault == "wrong_model_pinned":
        stage.point_at(ModelPointer(models.retired))
        return FaultTruth(fault, "model", "model", "model_id", model_id=models.retired)
    if fault == "artefact_block_zeroed":
        return _promote_zeroed(stage, models, rng=rng, at=at)
    if fault == "none":
        return FaultTruth(fault, "could_not_judge", "serving", "")
    raise BadInput(f"unknown fault {fault!r}")


def _train(
    stage: Stage, world: RetimedWorld, *, until: float, seed: int, status: ModelStatus
) -> str:
    rows = world.training.before(until)
    return train_model(
        rows,
        world.items,
        as_of=datetime.fromtimestamp(until, world.stretches["reference"].window.start.tzinfo),
        seed=seed,
        blobs=stage.ports.blobs,
        members=stage.ports.members,
        registry=stage.ports.registry,
        status=status,
        trained_by="recsysops demo",
    )


def _promote_zeroed(
    stage: Stage, models: TrainedModels, *, rng: np.random.Generator, at: datetime
) -> FaultTruth:
    """Export the production model with one block lost, approve it, point at it."""
    ports = stage.ports
    good = load_artefact(ports.blobs, models.production)
    zeroed = zero_one_block(good, rng=rng)
    for name, body in zeroed.files.items():
        ports.blobs.put(artefact_key(zeroed.model_id, name), body)
    ports.members.put_many(_exported(member, good, zeroed) for member in ports.members.scan())
    for entry in ports.registry.entries():
        if entry.status == "production":
            ports.registry.put(ModelEntry(entry.model_id, "retired", entry.trained_at))
    ports.registry.put(ModelEntry(zeroed.model_id, "production", at + timedelta(seconds=1)))
    stage.point_at(ModelPointer(zeroed.model_id))
    return FaultTruth(
        "artefact_block_zeroed", "model", "model", zeroed.block.name, model_id=zeroed.model_id
    )


def _exported(member: Member, good: ModelArtefact, zeroed: ZeroedArtefact) -> Member:
    """Return the member with the broken export's vector beside the others."""
    packed = member.vectors.get(good.model_id)
    if packed is None:
        return member
    vector = lose_block(unpack_vector(packed, owner=good.owner), zeroed.block)
    vectors = {**member.vectors, zeroed.model_id: pack_vector(vector, owner=zeroed.owner)}
    return replace(member, vectors=vectors)
