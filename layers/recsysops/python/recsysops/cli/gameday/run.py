"""Runs the tasks of a game day in worker processes, and tells how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context

from threadpoolctl import threadpool_limits

from recsysops.cli.gameday.grading import WorldRow
from recsysops.cli.gameday.worlds import Task, run_task


def run_tasks(
    tasks: Sequence[Task], *, workers: int, done: Callable[[list[WorldRow]], None]
) -> tuple[list[WorldRow], float]:
    """Run all tasks; returns rows by fault, magnitude and seed, and the CPU seconds they took.

    `done` is told the rows of every finished task.
    """
    rows: list[WorldRow] = []
    seconds = 0.0
    with _pool(workers) as pool:
        for finished in as_completed(pool.submit(_measured, task) for task in tasks):
            found, spent = finished.result()
            rows += found
            seconds += spent
            done(found)
    return sorted(rows, key=lambda row: (row.fault, row.magnitude or "", row.seed)), seconds


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    # spawn: a forked DuckDB or BLAS thread pool may hang
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_use_one_thread) as pool:
        yield pool


def _measured(task: Task) -> tuple[list[WorldRow], float]:
    started = time.process_time()
    rows = run_task(task)
    return rows, time.process_time() - started


def _use_one_thread() -> None:
    # workers that each start a thread per core for BLAS wait for one another: half the speed
    threadpool_limits(1)
