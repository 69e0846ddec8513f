from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryBlobs
from recsysops.errors import BadInput, DependencyError
from recsysops.model.artefact import artefact_key
from recsysops.request_log.digest import digest_inputs
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import to_row
from recsysops.serving.flag_document import (
    flag_document_key,
)
from recsysops.vocabulary import Window
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.replay_requests import read_full_records, replay_requests

from tests.fakes.busy_log import busy_world
from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import NOW, ServedWorld, make_world

WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))


def test_every_full_record_of_a_busy_log_repeats_bit_for_bit() -> None:
    world = busy_world()
    records = world.full()
    assert len(records) == 60
    assert {record.arm for record in records} == {"greedy", "explore"}
    assert sum(bool(record.planned) for record in records) == 20
    assert sum(bool(record.session_items) for record in records) == 6
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
