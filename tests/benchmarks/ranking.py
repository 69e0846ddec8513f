"""Ranking 500 given candidates: our handler as deployed, and the two other designs beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.benchmarks.competitors import Batched, Conventional
from tests.benchmarks.deployed_handler import caller, deployed_handler, make_event
from tests.benchmarks.loopback_aws import DIMENSION, loopback_aws
from tests.benchmarks.rows import Row
from tests.benchmarks.timing import Step, Timings, join_rounds, take_turns
from tests.benchmarks.world import BenchWorld

NETWORK_MS = 3.0
ROUNDS = 6
"""Requests back to back are spread over so many rounds, one before each of the other designs', so
that a bad half minute of the machine is in all of them or weighs a sixth."""
_LEADS = {"conventional": 50.0, "batched": 5.0}


def measure_ranking(world: BenchWorld, *, repetitions: int, progress: Step) -> list[Row]:
    """Compare the designs without network time and with some added to each."""
    near = _compare(world, 0.0, repetitions, progress)
    far = _compare(world, NETWORK_MS, max(5, repetitions // 4), lambda n: progress(repetitions + n))
    ours = near["back to back"]
    wall = 1_000.0 * ours.wall
    return [
        Row("rank 500 candidates, handler p50", 1_000.0 * ours.median, "ms", limit=1.2,
            low=float(wall.min()), high=float(wall.max()), note=_rounds_note(ours)),
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
        contenders: dict[str, Callable[[int], object]] = {
            "ours": call,
            **{
                f"{name}, {'at once' if at_once else 'in turn'}": (
                    lambda n, design=design: design.rank(asked[n % 5], vector)
                )
                for (name, at_once), design in designs.items()
            },
        }
        return _alternate(contenders, repetitions=repetitions, progress=progress)


def _alternate(
    contenders: Mapping[str, Callable[[int], object]], *, repetitions: int, progress: Step
) -> dict[str, Timings]:
    """Time ours back to back and all in turn, round after round."""
    alone: list[Timings] = []
    in_turn: list[dict[str, Timings]] = []
    each = max(1, repetitions // ROUNDS)
    for done in range(ROUNDS):
        ours = {"ours": contenders["ours"]}
        alone.append(take_turns(ours, repetitions=3 * each, warm_up=5)["ours"])
        # the warm-up asks every candidate list once: the stand-in makes its answers then
        in_turn.append(take_turns(contenders, repetitions=each, warm_up=0 if done else 5))
        progress((done + 1) * each)
    joined = {name: join_rounds([one[name] for one in in_turn]) for name in contenders}
    return {**joined, "back to back": join_rounds(alone)}


def _rounds_note(ours: Timings) -> str:
    each = [1_000.0 * float(np.median(part)) for part in np.array_split(ours.wall, ROUNDS)]
    return f"requests back to back, {ROUNDS} rounds of p50 {min(each):.3g} – {max(each):.3g}"


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
