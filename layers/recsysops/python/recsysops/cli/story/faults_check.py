"""Every fault over seeds, in process: was it found, and was it named exactly?

The same workflows and the same SQL as on the deployed stage. Finding and naming see the lake and
the tables; this file alone compares with the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context

from threadpoolctl import threadpool_limits

from recsysops.cli.story.days import (
    inject_fault,
    load_items,
    run_day,
    train_models,
    write_nightly_batches,
)
from recsysops.cli.story.diagnosing import diagnose
from recsysops.cli.story.grading import first_incident, is_named_exactly
from recsysops.cli.story.in_process import InProcessStage
from recsysops.datasets.movielens import load_movielens
from recsysops.diagnosis.slices import jaccard_index
from recsysops.diagnosis.verdict import Diagnosis
from recsysops.errors import CouldNotJudge
from recsysops.model.interactions import Dataset
from recsysops.simulation.fault_names import FAULT_NAMES, FaultName
from recsysops.simulation.faults import FaultTruth
from recsysops.simulation.retimed import build_retimed_world
from recsysops.vocabulary import Incident

END = datetime(2026, 11, 20, tzinfo=UTC)
"""Fixed, so that a seed is the same world on every day."""


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One world: what was broken, what was said, and whether that is right."""

    fault: FaultName
    seed: int
    ok: bool
    incidents: int
    verdict: str
    component: str
    feature: str
    model_id: str
    jaccard: float
    replayed: int
    bit_equal: int
    said: str


def check_faults(
    *,
    seeds: Sequence[int],
    quiet_seeds: Sequence[int],
    faults: Iterable[FaultName] = FAULT_NAMES,
    workers: int = 2,
    progress: Callable[[FaultRow], None] = lambda _: None,
) -> list[FaultRow]:
    """Run every fault on its seeds (`none` on `quiet_seeds`); returns rows by fault and seed."""
    tasks = [
        (fault, seed) for fault in faults for seed in (quiet_seeds if fault == "none" else seeds)
    ]
    rows: list[FaultRow] = []
    # spawn: a forked DuckDB or BLAS thread pool may hang
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_use_one_thread
    ) as pool:
        for done in as_completed(pool.submit(check_one, *task) for task in tasks):
            rows.append(done.result())
            progress(rows[-1])
    return sorted(rows, key=lambda row: (FAULT_NAMES.index(row.fault), row.seed))


def check_one(fault: FaultName, seed: int) -> FaultRow:
    """Tell one story in process: a reference day, the fault, a day of traffic, audit, diagnosis."""
    stage = InProcessStage()
    truth, incidents = tell(stage, _movielens(), fault=fault, seed=seed)
    if not incidents:
        return _silent(fault, seed, ok=fault == "none")
    try:
        diagnosis = diagnose(first_incident(incidents), stage.ports, stage.cache)
    except CouldNotJudge as error:
        return _silent(fault, seed, ok=False, incidents=len(incidents), said=str(error))
    return grade(truth, diagnosis, seed=seed, incidents=len(incidents))


def tell(
    stage: InProcessStage, dataset: Dataset, *, fault: FaultName, seed: int
) -> tuple[FaultTruth, Sequence[Incident]]:
    """Run the reference day and the broken day; returns the truth and the open incidents."""
    world = build_retimed_world(dataset, seed=seed, end=END)
    load_items(stage, world)
    models = train_models(stage, world, seed=seed, retired_too=fault == "wrong_model_pinned")
    run_day(stage, world, "reference", seed=seed, progress=_silently)
    reference, broken = world.stretches["reference"], world.stretches["broken"]
    tonight = write_nightly_batches(stage, world, "broken", seed=seed)
    truth = inject_fault(
        stage, fault, items=tonight, models=models, seed=seed, at=broken.window.start
    )
    stage.publish(broken.window.start)
    stage.send(broken, _silently)
    return truth, stage.audit(broken.window, reference.window)


def grade(truth: FaultTruth, diagnosis: Diagnosis, *, seed: int, incidents: int) -> FaultRow:
    """Compare what was named with the truth."""
    said = diagnosis.to_document()
    return FaultRow(
        fault=truth.name,
        seed=seed,
        ok=is_named_exactly(truth, said),
        incidents=incidents,
        verdict=diagnosis.verdict,
        component=diagnosis.component,
        feature=diagnosis.feature,
        model_id=diagnosis.model_id,
        jaccard=jaccard_index(truth.item_ids, diagnosis.item_ids),
        replayed=diagnosis.replay.records,
        bit_equal=diagnosis.replay.bit_equal,
        said=diagnosis.summary,
    )


def _use_one_thread() -> None:
    # workers that each start a thread per core for BLAS wait for one another: half the speed
    threadpool_limits(1)


@cache
def _movielens() -> Dataset:
    return load_movielens()


def _silent(
    fault: FaultName, seed: int, *, ok: bool, incidents: int = 0, said: str = "no incident"
) -> FaultRow:
    return FaultRow(
        fault=fault,
        seed=seed,
        ok=ok,
        incidents=incidents,
        verdict="",
        component="",
        feature="",
        model_id="",
        jaccard=0.0,
        replayed=0,
        bit_equal=0,
        said=said,
    )


def _silently(_done: int, _total: int) -> None:
    pass
