"""Ranking 500 given candidates: our handler as deployed, and the two other designs beside it."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.competitors import Batched, Conventional
from tests.benchmarks.deployed_handler import caller, deployed_handler, make_event
from tests.benchmarks.loopback_aws import DIMENSION, loopback_aws
from tests.benchmarks.rows import Row
from tests.benchmarks.timing import Step, Timings, take_turns
from tests.benchmarks.world import BenchWorld

NETWORK_MS = 3.0
_LEADS = {"conventional": 50.0, "batched": 5.0}


def measure_ranking(world: BenchWorld, *, repetitions: int, progress: Step) -> list[Row]:
    """Compare the designs without network time and with some added to each."""
    near = _compare(world, 0.0, repetitions, progress)
    far = _compare(world, NETWORK_MS, max(5, repetitions // 4), lambda n: progress(repetitions + n))
    ours = near["back to back"]
    wall = 1_000.0 * ours.wall
    return [
        Row("rank 500 candidates, handler p50", 1_000.0 * ours.median, "ms", limit=1.2,
            low=float(wall.min()), high=float(wall.max()), note="requests back to back"),
        Row("rank 500 candidates, handler p99", float(np.quantile(wall, 0.99)), "ms"),
        Row("… p50 in turn with the other designs", 1_000.0 * near["ours"].median, "ms",
            note="each of them empties the caches; the ratios below are of these turns"),
        Row("rank 500 candidates, handler CPU", 1_000.0 * float(ours.cpu.mean()), "ms",
            note="log lines made in the background included"),
        *_ratios(near, "no network time", bound=True),
        *_ratios(far, f"{NETWORK_MS:g} ms network time each", bound=False),
    ]  # fmt: skip


def _compare(
    world: BenchWorld, delay_ms: float, repetitions: int, progress: Step
) -> dict[str, Timings]:
    rng = np.random.default_rng(1)
    asked = [world.draw_candidates(rng) for _ in range(5)]
    vector = rng.normal(size=DIMENSION).astype(np.float32)
    with (
        loopback_aws(world.folder, delay_ms=delay_ms) as endpoint,
        deployed_handler(world.environment, endpoint) as module,
    ):
        call = caller(module, [make_event(candidates) for candidates in asked])
        designs = {
            (design.__name__.lower(), at_once): design(endpoint, at_once=at_once)
            for design in (Conventional, Batched)
            for at_once in (False, True)
        }
        for number in range(100):
            call(number)
        alone = take_turns({"ours": call}, repetitions=3 * repetitions, warm_up=5)
        in_turn = take_turns(
            {
                "ours": call,
                **{
                    f"{name}, {'at once' if at_once else 'in turn'}": (
                        lambda n, design=design: design.rank(asked[n % 5], vector)
                    )
                    for (name, at_once), design in designs.items()
                },
            },
            repetitions=repetitions,
            warm_up=5,  # every candidate list once: the stand-in makes its answers then
            progress=progress,
        )
        return {**in_turn, "back to back": alone["ours"]}


def _ratios(times: dict[str, Timings], setting: str, *, bound: bool) -> list[Row]:
    rows = []
    for name, least in _LEADS.items():
        ways = {way: taken for way, taken in times.items() if way.startswith(name)}
        way, best = min(ways.items(), key=lambda pair: pair[1].median)
        each = best.wall / times["ours"].wall
        rows.append(
            Row(
                f"{name} design over ours, {setting}",
                best.ratio_to(times["ours"]),
                "×",
                at_least=least if bound else None,
                low=float(each.min()),
                high=float(each.max()),
                note=f"{1_000.0 * best.median:.3g} ms, batches {way.split(', ')[1]}",
            )
        )
    return rows
