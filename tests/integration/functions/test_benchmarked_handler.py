"""What `make bench` measures is the deployed handler, whole: it starts, ranks and logs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.benchmarks.cold_start import start_once
from tests.benchmarks.deployed_handler import caller, deployed_handler, make_event
from tests.benchmarks.log_lines import measure_log
from tests.benchmarks.loopback_aws import loopback_aws
from tests.benchmarks.replaying import measure_replay
from tests.benchmarks.world import make_bench_world


def test_the_handler_serves_its_model_from_the_stand_in(tmp_path: Path) -> None:
    world = make_bench_world(tmp_path, items=300)
    candidates = world.draw_candidates(np.random.default_rng(0), 100)
    with (
        loopback_aws(world.folder) as endpoint,
        deployed_handler(world.environment, endpoint) as module,
    ):
        body = json.loads(str(caller(module, [make_event(candidates)])(0)["body"]))
        module.SCORER.log.flush()
        assert module.SCORER.log.take_losses() == 0
    assert (body["status"], body["model_id"], body["delta_id"]) == (
        "ok",
        world.model_id,
        world.delta_id,
    )
    assert {item["item_id"] for item in body["items"]} <= set(candidates)


def test_a_start_serves_a_model_without_botocore_and_delivers_its_log_with_it(
    tmp_path: Path,
) -> None:
    world = make_bench_world(tmp_path, items=300)
    with loopback_aws(world.folder) as endpoint:
        start = start_once(world, endpoint)
    assert start.imported == ()
    assert min(start.cpu, start.wire, start.flushed, start.restored) > 0.0


def test_the_log_section_measures_lines_as_they_are_served() -> None:
    rows = {row.name: row for row in measure_log(loops=1)}
    assert len(rows) == 4
    assert rows["log work before the response"].ok
    assert all(row.value > 0.0 for name, row in rows.items() if "before" not in name)


def test_the_replay_section_repeats_every_record_bit_for_bit() -> None:
    rows = measure_replay(requests=8, progress=lambda _: None)
    (unequal,) = [row for row in rows if "not bit-equal" in row.name]
    assert (unequal.value, unequal.ok) == (0.0, True)
