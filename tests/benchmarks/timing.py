"""Timing that survives a busy machine: contenders take turns, medians and ratios are compared.

Work that nothing can make faster than it is, only slower, is timed by its best round: "the higher
values are typically not caused by variability in Python's speed, but by other processes" (Python
documentation, timeit.Timer.repeat).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np

Step = Callable[[int], None]
"""Hears how many of the planned repetitions are done."""


@dataclass(frozen=True)
class Timings:
    """Seconds of each repetition, by the wall and by this process's CPU, (repetitions,)."""

    wall: np.ndarray
    cpu: np.ndarray

    @property
    def median(self) -> float:
        """Median wall time in seconds."""
        return float(np.median(self.wall))

    @property
    def best(self) -> float:
        """Smallest wall time in seconds."""
        return float(self.wall.min())

    @property
    def cpu_median(self) -> float:
        """Median CPU time in seconds."""
        return float(np.median(self.cpu))

    def ratio_to(self, other: Timings) -> float:
        """Median over the repetitions of this wall time over the other's next to it."""
        return float(np.median(self.wall / other.wall))


def join_rounds(rounds: Sequence[Timings]) -> Timings:
    """Return the repetitions of all rounds as one."""
    return Timings(
        np.concatenate([one.wall for one in rounds]), np.concatenate([one.cpu for one in rounds])
    )


def take_turns(
    contenders: Mapping[str, Callable[[int], object]],
    *,
    repetitions: int,
    warm_up: int = 3,
    progress: Step = lambda _: None,
) -> dict[str, Timings]:
    """Time every contender once per repetition, in the same order; argument is the repetition."""
    for number in range(warm_up):
        for contender in contenders.values():
            contender(number)
    taken = {name: np.empty((repetitions, 2)) for name in contenders}
    with _no_collection():
        for repetition in range(repetitions):
            for name, contender in contenders.items():
                started, worked = perf_counter(), process_time()
                contender(warm_up + repetition)
                taken[name][repetition] = perf_counter() - started, process_time() - worked
            progress(repetition + 1)
    return {name: Timings(times[:, 0], times[:, 1]) for name, times in taken.items()}


def time_short(
    works: Mapping[str, tuple[Callable[[], object], int]], *, rounds: int = 500
) -> dict[str, Timings]:
    """Time works far shorter than the clock, each given with how often a round repeats it.

    Many short rounds, all works in turn in each: some of them fall between what else the machine
    does. Returns the mean of every round by work.
    """
    times = {name: np.empty((rounds, 2)) for name in works}
    with _no_collection():
        for number in range(rounds):
            for name, (work, loops) in works.items():
                started, worked = perf_counter(), process_time()
                for _ in range(loops):
                    work()
                elapsed = perf_counter() - started, process_time() - worked
                times[name][number] = np.array(elapsed) / loops
    return {name: Timings(taken[:, 0], taken[:, 1]) for name, taken in times.items()}


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
