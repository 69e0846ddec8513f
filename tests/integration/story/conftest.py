"""The days before any fault, told once and shared: what follows starts from a copy of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.cli.story import faults_check
from recsysops.cli.story.days import (
    TrainedModels,
    inject_fault,
    load_items,
    run_day,
    train_models,
)
from recsysops.cli.story.faults_check import END, FaultRow, check_one
from recsysops.cli.story.in_process import InProcessStage
from recsysops.datasets.movielens import load_movielens
from recsysops.simulation.fault_names import FaultName
from recsysops.simulation.faults import FaultTruth
from recsysops.simulation.retimed import RetimedWorld, build_retimed_world
from recsysops.vocabulary import ModelPointer

SEED = 42


@dataclass(frozen=True)
class ToldBefore:
    """The stage after the reference day: items, models, members, log."""

    world: RetimedWorld
    models: TrainedModels
    stage: InProcessStage

    def copy_stage(self) -> InProcessStage:
        """Return another stage in the same state; nothing told on it comes back here."""
        copy, old = InProcessStage(), self.stage.ports
        folder = copy.lake.folder
        copy.lake.close()
        self.stage.lake.flush()
        shutil.copytree(self.stage.lake.folder, folder)
        copy.lake = DuckDbLake(folder, clock=lambda: copy.now)
        new = copy.ports = replace(copy.ports, queries=copy.lake)
        new.items.put_many(old.items.scan())
        new.members.put_many(old.members.scan())
        for key in old.blobs.list_keys(""):
            new.blobs.put(key, old.blobs.get(key))
        for entry in old.registry.entries():
            new.registry.put(entry)
        copy.point_at(ModelPointer(self.models.production))
        copy.now = self.stage.now
        return copy


@dataclass
class Told:
    """One story with a fault: the row it was graded as, the truth, and where it was told."""

    row: FaultRow
    truth: FaultTruth
    stage: InProcessStage


@pytest.fixture(scope="session")
def before() -> Iterator[ToldBefore]:
    """Tell the days before the fault."""
    stage, world = InProcessStage(), build_retimed_world(load_movielens(), seed=SEED, end=END)
    load_items(stage, world)
    models = train_models(stage, world, seed=SEED)
    run_day(stage, world, "reference", seed=SEED, progress=lambda *_: None)
    yield ToldBefore(world, models, stage)
    stage.lake.close()


@pytest.fixture(scope="session")
def tell_fault(before: ToldBefore) -> Iterator[Callable[[FaultName], Told]]:
    """Tell a fault through `check_one`, each at most once; only what precedes it is shared."""
    told: dict[FaultName, Told] = {}

    def tell(fault: FaultName) -> Told:
        if fault not in told:
            stage = before.copy_stage()
            truths: list[FaultTruth] = []

            def inject(*arguments: object, **named: object) -> FaultTruth:
                truths.append(inject_fault(*arguments, **named))  # type: ignore[arg-type]
                return truths[0]

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(faults_check, "inject_fault", inject)
                patch.setattr(faults_check, "InProcessStage", lambda: stage)
                patch.setattr(faults_check, "load_movielens", lambda: None)
                patch.setattr(faults_check, "build_retimed_world", lambda *_, **__: before.world)
                patch.setattr(faults_check, "load_items", lambda *_: None)
                patch.setattr(faults_check, "train_models", lambda *_, **__: before.models)
                patch.setattr(faults_check, "run_day", lambda *_, **__: None)
                told[fault] = Told(check_one(fault, SEED), truths[0], stage)
        return told[fault]

    yield tell
    for one in told.values():
        shutil.rmtree(one.stage.lake.folder, ignore_errors=True)
        one.stage.lake.close()
