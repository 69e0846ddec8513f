"""Runs the tasks of a game day in worker processes, and tells every world as it is judged."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from multiprocessing.queues import SimpleQueue
from types import FrameType
from typing import Final, NoReturn

from threadpoolctl import threadpool_limits

from recsysops.cli.gameday.grading import WorldRow
from recsysops.cli.gameday.worlds import Task, judge_worlds
from recsysops.errors import DependencyError

_LOOK_EVERY_SECONDS: Final = 0.5
# spawn: a forked DuckDB or BLAS thread pool may hang
_PROCESSES: Final = get_context("spawn")
_told: SimpleQueue[WorldRow] | None = None
"""In a worker: where it tells its rows."""


def run_tasks(
    tasks: Sequence[Task], *, workers: int, done: Callable[[WorldRow], None]
) -> tuple[list[WorldRow], float]:
    """Run all tasks; returns rows by fault, magnitude and seed, and the CPU seconds they took.

    `done` is told every row as soon as its world is judged.

    Raises: DependencyError when a worker died, as one does that the machine has no memory for.
    """
    rows: list[WorldRow] = []
    told: SimpleQueue[WorldRow] = _PROCESSES.SimpleQueue()
    seconds = 0.0
    with _pool(workers, told) as pool:
        waiting: set[Future[float]] = {pool.submit(_judge, task) for task in tasks}
        while waiting:
            finished, waiting = wait(waiting, _LOOK_EVERY_SECONDS, FIRST_COMPLETED)
            while not told.empty():
                rows.append(told.get())
                done(rows[-1])
            seconds += sum(_spent(task, rows) for task in finished)
    return sorted(rows, key=lambda row: (row.fault, row.magnitude or "", row.seed)), seconds


def _spent(task: Future[float], rows: Sequence[WorldRow]) -> float:
    try:
        return task.result()
    except BrokenProcessPool as error:
        raise DependencyError(
            f"a worker of the game day died (memory?) after {len(rows)} worlds; "
            "run it again with fewer --workers"
        ) from error


@contextmanager
def _pool(workers: int, told: SimpleQueue[WorldRow]) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of workers; whoever leaves early, by an error, Ctrl-C or SIGTERM, ends them."""
    pool = ProcessPoolExecutor(
        workers, mp_context=_PROCESSES, initializer=_start_worker, initargs=(told,)
    )
    before = set(active_children())
    was = signal.signal(signal.SIGTERM, _leave)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in set(active_children()) - before:
            worker.terminate()
        raise
    finally:
        signal.signal(signal.SIGTERM, was)
    pool.shutdown()


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """Die as the signal says, but not before the workers: left alone they would judge on."""
    raise SystemExit(128 + number)


def _judge(task: Task) -> float:
    """Tell the task's rows one by one; returns the CPU seconds that it took."""
    started = time.process_time()
    for row in judge_worlds(task):
        if _told is not None:
            _told.put(row)
    return time.process_time() - started


def _start_worker(told: SimpleQueue[WorldRow]) -> None:
    global _told  # noqa: PLW0603 - an initializer has no other way to a worker's tasks
    _told = told
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who ends its workers
    # workers that each start a thread per core for BLAS wait for one another: half the speed
    threadpool_limits(1)
