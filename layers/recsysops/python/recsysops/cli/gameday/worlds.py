"""Runs worlds of the gauntlet: quiet weeks in chains, and a seed's faults after its quiet days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from recsysops.adapters.memory import MemoryIncidents
from recsysops.cli.gameday.grading import NO_FAULT, WorldRow, is_right, published_floor, tell
from recsysops.cli.gameday.seed_world import BURN_IN, WEEK, AuditedWindow, FaultDays, SeedWorld
from recsysops.datasets.movielens import load_movielens
from recsysops.errors import BadInput
from recsysops.model.interactions import Dataset
from recsysops.simulation.gauntlet.corruptions import ActiveFault
from recsysops.simulation.gauntlet.fault_file import FaultFile, Magnitude
from recsysops.simulation.gauntlet.made_up_world import make_simulated_world
from recsysops.simulation.gauntlet.real_world import make_real_world
from recsysops.simulation.gauntlet.world import World, WorldKind
from recsysops.vocabulary import Incident

INJECTION_DAY = 4
"""Day of the judged week that opens with the fault: four quiet days before it, three after."""

_DAYS_JUDGED: Final[Mapping[Magnitude, int]] = {"small": 1, "middle": 3, "large": 3}
"""From the injection to the end of the week, as far as finding the fault is promised. Of small ones
only the first day is told: they are what a game day would spend most of its time on."""


@dataclass(frozen=True, slots=True)
class FaultTask:
    """Some faults at some magnitudes in one seed's world."""

    kind: WorldKind
    seed: int
    faults: tuple[tuple[FaultFile, Magnitude], ...]

    @property
    def worlds(self) -> int:
        """How many rows it gives."""
        return len(self.faults)


@dataclass(frozen=True, slots=True)
class QuietTask:
    """A chain of quiet weeks: the reference of each is the week before it."""

    kind: WorldKind
    seed: int
    weeks: int

    @property
    def worlds(self) -> int:
        """How many rows it gives."""
        return self.weeks


Task = FaultTask | QuietTask


def run_task(task: Task) -> list[WorldRow]:
    """Run a task's worlds; rows in order."""
    return list(judge_worlds(task))


def judge_worlds(task: Task) -> Iterator[WorldRow]:
    """Yield the row of every world of a task as soon as it is judged."""
    home = SeedWorld(make_world(task.kind, task.seed))
    if isinstance(task, QuietTask):
        yield from _quiet_weeks(home, task)
        return
    first = BURN_IN + WEEK
    home.make_quiet_days(BURN_IN, first + WEEK - 1)
    home.put_quiet_days(BURN_IN, first - 1)
    before = MemoryIncidents()
    home.audit_quiet_days(first, first + INJECTION_DAY - 1, before)
    for fault, magnitude in task.faults:
        yield _fault_world(home, fault, magnitude, before=before.list_incidents())


def make_world(kind: WorldKind, seed: int) -> World:
    """Make the world of a kind and seed."""
    if kind == "movielens":
        return make_real_world(_movielens(), seed)
    return make_simulated_world(seed)


def _quiet_weeks(home: SeedWorld, task: QuietTask) -> Iterator[WorldRow]:
    home.make_quiet_days(BURN_IN, BURN_IN + WEEK - 1)
    home.put_quiet_days(BURN_IN, BURN_IN + WEEK - 1)
    for week in range(1, task.weeks + 1):
        first = BURN_IN + week * WEEK
        home.make_quiet_days(first, first + WEEK - 1)
        book = MemoryIncidents()
        home.audit_quiet_days(first, first + WEEK - 1, book)
        home.forget_days(before=first)
        opened = book.list_incidents()
        yield WorldRow(
            fault=NO_FAULT,
            magnitude=None,
            seed=task.seed,
            world=task.kind,
            found=False,
            windows=None,
            false_incidents=len(opened),
            slice={},
            said=tell(opened),
        )


def _fault_world(
    home: SeedWorld, fault: FaultFile, magnitude: Magnitude, *, before: Sequence[Incident]
) -> WorldRow:
    size = fault.magnitude.size_of(magnitude, floor=published_floor(fault))
    active = ActiveFault(fault, size, home.world)
    book = MemoryIncidents(before)
    first = BURN_IN + WEEK + INJECTION_DAY
    days = home.run_fault(
        active, days=range(first, first + _DAYS_JUDGED[magnitude]), name=f"{fault.name}:{magnitude}"
    )
    try:
        judged = _judge_until_found(days, active, book)
    except BadInput as error:
        # what only a running world shows, such as a table without rows on that day
        raise BadInput(f"{fault.called}: {error}") from error
    days.forget()
    windows = _windows_until(judged, active)
    return WorldRow(
        fault=fault.name,
        magnitude=magnitude,
        seed=home.world.seed,
        world=home.world.kind,
        found=windows is not None,
        windows=windows,
        false_incidents=len(before),
        slice=active.slice,
        said=tell([one for window in judged for one in window.opened]),
    )


def _judge_until_found(
    days: FaultDays, fault: ActiveFault, book: MemoryIncidents
) -> list[AuditedWindow]:
    """Judge window after window; what comes after the fault was found changes no report."""
    judged: list[AuditedWindow] = []
    for day in days.days:
        for audited in days.audit_day(day, book):
            judged.append(audited)
            if any(is_right(one, fault) for one in audited.opened):
                return judged
    return judged


def _windows_until(judged: Sequence[AuditedWindow], fault: ActiveFault) -> int | None:
    """Count windows as long as the one that found the fault, up to it."""
    for place, audited in enumerate(judged):
        if any(is_right(one, fault) for one in audited.opened):
            length = audited.window.end - audited.window.start
            same = [j for j in judged[: place + 1] if j.window.end - j.window.start == length]
            return len(same)
    return None


@cache
def _movielens() -> Dataset:
    return load_movielens()
