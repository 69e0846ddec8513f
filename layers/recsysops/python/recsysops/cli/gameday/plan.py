"""Which worlds a game day runs: faults by seed and magnitude, quiet weeks in chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from recsysops.cli.gameday.worlds import FaultTask, QuietTask, Task
from recsysops.simulation.gauntlet.fault_file import TIMES_FLOOR, FaultFile
from recsysops.simulation.gauntlet.world import WorldKind

FIRST_REPORTED_SEED: Final = 1_000
"""Seeds below fixed thresholds; results are reported on these and later ones."""
_QUIET_SEEDS_AFTER: Final = 500
"""Quiet chains use other seeds than faults."""
_FAULTS_AT_ONCE: Final = 8
"""A task makes its seed's quiet days once for so many faults; smaller ones balance better."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is run: seeds per fault, chains of quiet weeks and their length."""

    fault_seeds: int
    chains: int
    weeks: int


FULL: Final = Extent(fault_seeds=10, chains=30, weeks=10)
QUICK: Final = Extent(fault_seeds=1, chains=2, weeks=5)


def plan_tasks(faults: Sequence[FaultFile], *, first_seed: int, extent: Extent) -> list[Task]:
    """Return the tasks, long ones first; every second seed is a world of real data."""
    quiet: list[Task] = [
        QuietTask(_kind_of(chain), first_seed + _QUIET_SEEDS_AFTER + chain, extent.weeks)
        for chain in range(extent.chains)
    ]
    tested: list[Task] = []
    for place in range(extent.fault_seeds):
        for part, start in enumerate(range(0, len(faults), _FAULTS_AT_ONCE)):
            chosen = faults[start : start + _FAULTS_AT_ONCE]
            worlds = tuple((fault, magnitude) for fault in chosen for magnitude in TIMES_FLOOR)
            # with one seed, half of the faults meet each kind of world
            kind = _kind_of(place + part if extent.fault_seeds == 1 else place)
            tested.append(FaultTask(kind, first_seed + place, worlds))
    return [*quiet, *tested]


def _kind_of(place: int) -> WorldKind:
    return "simulated" if place % 2 == 0 else "movielens"
