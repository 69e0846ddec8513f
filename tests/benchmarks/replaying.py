"""How many logged requests a core repeats in a second, digests checked, bits compared."""

from __future__ import annotations

from time import perf_counter, process_time

import numpy as np
from recsysops.workflows.replay_requests import replay_requests

from tests.benchmarks.rows import Row
from tests.benchmarks.timing import Step
from tests.fakes.served_world import make_world

ITEMS = 9_000
"""About the size of the demo's catalogue."""
ROUNDS = 100
A_ROUND = 100
"""Requests of a round: short enough to fall between what else the machine does."""


def measure_replay(*, requests: int, progress: Step) -> list[Row]:
    """Replay requests for the whole catalogue and for 500 candidates, half of each."""
    world = make_world(ITEMS)
    rng = np.random.default_rng(3)
    ids = [item.item_id for item in world.items]
    for number in range(requests):
        body = {"candidates": rng.choice(ids, 500, replace=False).tolist()} if number % 2 else {}
        world.recommend(f"r-{number}", f"m{1 + number % 5}", **body)
    records, cache = world.full(), world.cache
    replay_requests(records[:10], cache=cache)
    rates, repeated, equal = np.empty((ROUNDS, 2)), 0, 0
    for done in range(ROUNDS):
        start = done * A_ROUND % len(records)
        some = records[start : start + A_ROUND]
        started, worked = perf_counter(), process_time()
        report = replay_requests(some, cache=cache)
        elapsed = perf_counter() - started, process_time() - worked
        rates[done] = len(some) / np.array(elapsed)
        repeated, equal = repeated + len(some), equal + report.count("bit_equal")
        progress(done + 1)
    (best, cpu), median = rates.max(axis=0), float(np.median(rates[:, 0]))
    return [
        Row("replay, one core", float(best), "requests/s", at_least=1_000.0,
            low=float(rates[:, 0].min()), high=float(best),
            note=f"best of {ROUNDS} rounds, their median {median:,.0f}; {cpu:,.0f} per second of "
            f"CPU; half of all {ITEMS:,}, half of 500 given"),
        Row("replayed requests that were not bit-equal", repeated - equal, "", limit=0.0,
            note=f"of {repeated:,}"),
    ]  # fmt: skip
