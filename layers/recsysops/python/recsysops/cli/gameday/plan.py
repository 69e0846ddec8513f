"""Which worlds a game day runs: faults by seed and magnitude, quiet weeks in chains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from recsysops.cli.gameday.worlds import FaultTask, QuietTask, Task
from recsysops.simulation.gauntlet.fault_file import TIMES_FLOOR, FaultFile, Magnitude
from recsysops.simulation.gauntlet.world import WorldKind

FIRST_REPORTED_SEED: Final = 1_000
"""Seeds below fixed thresholds; results are reported on these and later ones."""
_QUIET_SEEDS_AFTER: Final = 500
"""Quiet chains use other seeds than faults."""
_SECONDS: Final = {"start": 8.0, "quiet week": 12.2, "fault": 1.05}
"""CPU seconds, as a full run on two busy cores spent them (decision 0111): no promise."""
_WORTH_CUTTING: Final = 8
"""Weeks of a chain whose start, a week's worth of time, may be paid three times more."""
_OF_A_KIND: Final = 8
"""With one seed, so many faults in a row meet one kind of world, the next ones the other."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is run: seeds per fault, chains of quiet weeks and their length, sizes of faults."""

    fault_seeds: int
    chains: int
    weeks: int
    sizes: tuple[Magnitude, ...] = tuple(TIMES_FLOOR)


FULL: Final = Extent(fault_seeds=10, chains=30, weeks=10)
QUICK: Final = Extent(fault_seeds=1, chains=2, weeks=2, sizes=("middle", "large"))
"""What a game day promises something about: small faults are reported by the full run only."""


def plan_tasks(faults: Sequence[FaultFile], *, first_seed: int, extent: Extent) -> list[Task]:
    """Return the tasks, long ones first; every second seed is a world of real data.

    All faults of a seed are one task: its quiet days are made once.
    """
    quiet: list[Task] = [
        QuietTask(_kind_of(chain), first_seed + _QUIET_SEEDS_AFTER + chain, weeks)
        for chain, weeks in enumerate(_chain_lengths(extent))
    ]
    tested: list[Task] = []
    for place in range(extent.fault_seeds):
        for kind, chosen in _by_kind(faults, place, one_seed=extent.fault_seeds == 1):
            worlds = tuple((fault, size) for fault in chosen for size in extent.sizes)
            tested.append(FaultTask(kind, first_seed + place, worlds))
    return [*(task for task in tested if task.worlds), *quiet]


def expect_cpu_seconds(tasks: Sequence[Task]) -> float:
    """Return about how long the tasks take a processor."""
    worlds = sum(
        task.worlds * _SECONDS["quiet week" if isinstance(task, QuietTask) else "fault"]
        for task in tasks
    )
    return worlds + _SECONDS["start"] * len(tasks)


def _chain_lengths(extent: Extent) -> list[int]:
    """Return the weeks of every chain: the last one in ever shorter pieces, so that no worker
    is left with two minutes of work when the others are done."""
    lengths = [extent.weeks] * extent.chains
    if extent.weeks < _WORTH_CUTTING:
        return lengths
    left = lengths.pop()
    while left:
        lengths.append((left + 1) // 2)
        left -= lengths[-1]
    return lengths


def _by_kind(
    faults: Sequence[FaultFile], place: int, *, one_seed: bool
) -> Iterator[tuple[WorldKind, list[FaultFile]]]:
    """Yield which faults a seed meets in which kind of world: half in each when it is alone."""
    if not one_seed:
        yield _kind_of(place), list(faults)
        return
    for parity in (0, 1):
        chosen = [fault for n, fault in enumerate(faults) if n // _OF_A_KIND % 2 == parity]
        if chosen:
            yield _kind_of(parity), chosen


def _kind_of(place: int) -> WorldKind:
    return "simulated" if place % 2 == 0 else "movielens"
