from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryBlobs
from recsysops.errors import BadInput, DependencyError
from recsysops.model.artefact import artefact_key
from recsysops.model.packing import pack_vector, unpack_vector
from recsysops.request_log.digest import digest_inputs
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import encode_record, to_row
from recsysops.serving.flag_document import (
    build_flag_document,
    dump_flag_document,
    flag_document_key,
)
from recsysops.vocabulary import Hotfix, SamplingPlan, SurfacePlan, Window
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.replay_requests import read_full_records, replay_requests

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import ENCODER, NOW, ServedWorld, make_world
from tests.fakes.small_catalogue import make_hotfix

WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))


def deploy(world: ServedWorld, *hotfixes: Hotfix) -> None:
    later = NOW + timedelta(days=1)
    document = build_flag_document([replace(hotfix, expires_at=later) for hotfix in hotfixes])
    world.flags.document = document
    world.blobs.put(flag_document_key(document.version), dump_flag_document(document).encode())


def busy_world() -> ServedWorld:
    """Known, cold and hotfixed members on several surfaces, a third of them exploring."""
    world = make_world(150, members=8)
    surfaces = {"item": SurfacePlan(diversity=2.0), "tv": SurfacePlan(launch_slots=(1, 3))}
    world.flags.plan = SamplingPlan(rate=1.0, raised_rate=1.0, explore_rate=0.3, surfaces=surfaces)
    for number in range(30):
        filters = {"languages": ["en", "ja"], "in_stock": True} if number % 3 == 0 else {}
        world.recommend(
            f"plain-{number}",
            f"m{number % 10}",
            surface=("home", "item", "tv")[number % 3],
            limit=1 + number,
            filters=filters if number % 2 else {},
        )
    values = {item.item_id: "ja" for item in world.items[:80]}
    deploy(
        world,
        make_hotfix("override_feature", {"feature": "language", "values": values}, percent=60.0),
        make_hotfix("mask_feature", {"block": "year", "item_ids": None}, percent=50.0, salt="s2"),
        make_hotfix("block_items", {"item_ids": ("i0003", "i0004")}, percent=70.0, salt="s3"),
        make_hotfix("popularity_fallback", {"surface": "search"}, percent=50.0, salt="s4"),
    )
    for number in range(30):
        world.recommend(
            f"fixed-{number}", f"m{number % 10}", surface=("home", "search")[number % 2]
        )
    return world


def test_every_full_record_of_a_busy_log_repeats_bit_for_bit() -> None:
    world = busy_world()
    records = world.full()
    assert len(records) == 60
    assert {record.arm for record in records} == {"greedy", "explore"}
    assert sum(bool(record.planned) for record in records) == 20
    assert len({tuple(record.hotfix_ids) for record in records}) > 4
    report = replay_requests(records, cache=CatalogueCache(MemoryBlobs(world.blobs.objects)))
    assert report.count("bit_equal") == 60
    assert report.holds


def test_records_read_through_sql_repeat_too(tmp_path: Path) -> None:
    world = busy_world()
    rows = [to_row(record) for record in world.full()]
    queries = LakeQueries(tmp_path, {"full_requests": [*rows, rows[0]]}, dt="2026-03-02")
    records = read_full_records(queries, window=WINDOW)
    assert len(records) == 60
    assert replay_requests(records, cache=world.cache).holds
    assert [r.request_id for r in read_full_records(queries, request_id="fixed-7")] == ["fixed-7"]
    assert read_full_records(queries, window=Window(WINDOW.end, WINDOW.end)) == []
    few = read_full_records(queries, window=WINDOW, limit=10)
    assert len(few) == 9, "one of ten lines came twice"
    assert {record.request_id[:5] for record in few} == {"plain", "fixed"}


@pytest.mark.parametrize("request_id", ["x' OR '1'='1", "", "r-1\n", "a" * 65])
def test_no_text_but_an_id_reaches_sql(tmp_path: Path, request_id: str) -> None:
    with pytest.raises(BadInput, match=r"request_id: .* is not an id"):
        read_full_records(LakeQueries(tmp_path, {}, dt="2026-03-02"), request_id=request_id)


def test_the_whole_log_is_never_read(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="window or a request id"):
        read_full_records(LakeQueries(tmp_path, {}, dt="2026-03-02"))


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


def logged() -> tuple[ServedWorld, FullRequest]:
    world = make_world()
    world.recommend()
    return world, world.full()[0]


def test_a_changed_input_is_refused_and_recomputed_only_when_asked() -> None:
    world, record = logged()
    changed = record.model_copy(update={"excluded": [*record.excluded, record.shown[0]]})
    refused = replay_requests([changed], cache=world.cache)
    assert refused.requests[0].outcome == "refused"
    assert "changed after logging" in (refused.requests[0].reason or "")
    recomputed = replay_requests([changed], cache=world.cache, check_digests=False)
    assert recomputed.requests[0].outcome == "different"
    assert not recomputed.holds


def test_a_changed_output_is_different_though_its_digest_holds() -> None:
    world, record = logged()
    changed = record.model_copy(update={"scores": [record.scores[0] + 1e-6, *record.scores[1:]]})
    replayed = replay_requests([changed], cache=world.cache).requests[0]
    assert replayed.outcome == "different"
    assert replayed.verdict is not None
    assert replayed.verdict.differences == ("scores",)


def as_of_another_machine(record: FullRequest, *, ulps: int) -> FullRequest:
    scores = np.array(record.scores, dtype=np.float32)
    for _ in range(ulps):
        scores = np.nextafter(scores, np.float32(np.inf))
    moved = record.model_copy(update={"scores": scores.tolist(), "fingerprint": "numpy-9/arm"})
    return moved.model_copy(update={"input_digest": digest_inputs(moved)})


def test_another_machine_may_differ_by_one_ulp_and_it_is_said_so() -> None:
    world, record = logged()
    cache = world.cache
    outcomes = [
        replay_requests([as_of_another_machine(record, ulps=n)], cache=cache).requests[0].outcome
        for n in (0, 1, 2)
    ]
    assert outcomes == ["bit_equal", "within_one_ulp", "different"]


def test_the_same_machine_may_differ_by_no_bit() -> None:
    world, record = logged()
    scores = np.nextafter(np.array(record.scores, dtype=np.float32), np.float32(np.inf))
    moved = record.model_copy(update={"scores": scores.tolist()})
    report = replay_requests([moved], cache=world.cache)
    assert (report.requests[0].outcome, report.holds) == ("different", False)


def test_what_a_record_needs_and_cannot_be_read_refuses_only_that_record() -> None:
    world = busy_world()
    records = world.full()
    del world.blobs.objects[flag_document_key(world.flags.document.version)]
    report = replay_requests(records, cache=world.cache)
    exposed = sum(bool(record.hotfix_ids) for record in records)
    assert exposed
    assert report.count("refused") == exposed
    assert report.count("bit_equal") == len(records) - exposed
    key = artefact_key(world.artefact.model_id, "play_counts.npy")
    world.blobs.put(key, b"corrupt")
    refused = replay_requests(records, cache=world.cache)
    assert refused.count("refused") == len(records)
    assert "does not match its hash" in (refused.requests[0].reason or "")


def test_an_unreachable_bucket_is_an_error_not_a_verdict() -> None:
    class Down(MemoryBlobs):
        def get(self, key: str) -> bytes:
            raise DependencyError("timed out")

    _, record = logged()
    with pytest.raises(DependencyError):
        replay_requests([record], cache=CatalogueCache(Down()))


def test_nothing_replayed_proves_nothing() -> None:
    assert not replay_requests([], cache=make_world(10).cache).holds


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
