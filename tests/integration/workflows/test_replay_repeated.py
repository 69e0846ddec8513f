"""Replay in a process of its own, and under a thousand small changes."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import numpy as np
from recsysops.model.packing import pack_vector, unpack_vector
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import encode_record
from recsysops.workflows.replay_requests import replay_requests

from tests.fakes.busy_log import busy_world
from tests.fakes.served_world import ENCODER, make_world

CHILD = """
import json, sys
from pathlib import Path
from recsysops.adapters.memory import MemoryBlobs
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import decode_record
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.replay_requests import replay_requests
folder = Path(sys.argv[1])
objects = {str(p.relative_to(folder / "blobs")): p.read_bytes()
           for p in (folder / "blobs").rglob("*") if p.is_file()}
lines = (folder / "full.json").read_text().splitlines()
records = [decode_record(FullRequest, json.loads(line)) for line in lines]
report = replay_requests(records, cache=CatalogueCache(MemoryBlobs(objects)))
print(report.count("bit_equal"), len(report.requests), report.holds)
"""


def test_a_fresh_process_with_only_log_artefact_snapshot_and_flags_repeats_all(
    tmp_path: Path,
) -> None:
    world = busy_world()
    for key, body in world.blobs.objects.items():
        path = tmp_path / "blobs" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    (tmp_path / "full.json").write_text("\n".join(encode_record(r) for r in world.full()))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["60", "60", "True"]


def nudge_vector(record: FullRequest, owner: bytes, column: int) -> FullRequest:
    """The record with one number of its member vector one per cent larger."""
    assert record.member_vector is not None
    vector = unpack_vector(base64.b64decode(record.member_vector), owner=owner)
    vector[column] *= np.float32(1.01)
    packed = base64.b64encode(pack_vector(vector, owner=owner)).decode()
    return record.model_copy(update={"member_vector": packed})


def test_one_per_cent_of_an_input_that_matters_changes_a_score_in_1000_of_1000_trials() -> None:
    world = make_world(120, members=40)
    for number in range(40):
        world.recommend(f"r-{number}", f"m{number + 1}")
    records, catalogue, cache = world.full(), world.catalogue, world.cache
    rng = np.random.default_rng(17)
    trials, changed = 0, 0
    while trials < 1_000:
        record = records[int(rng.integers(len(records)))]
        vector = unpack_vector(base64.b64decode(record.member_vector or ""), owner=catalogue.owner)
        place, column = int(rng.integers(len(record.shortlist))), int(rng.integers(ENCODER.width))
        row = catalogue.row_of[record.shortlist[place]]
        share = float(catalogue.matrix[row, column]) * float(vector[column])
        if abs(share) < 0.01 * abs(record.scores[place]):
            continue
        trials += 1
        nudged = nudge_vector(record, catalogue.owner, column)
        replayed = replay_requests([nudged], cache=cache, check_digests=False).requests[0]
        assert replayed.verdict is not None
        changed += "scores" in replayed.verdict.differences
    assert changed == 1_000
