"""The in-memory ports behave as AWS does where a caller could notice."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.adapters.memory import (
    MemoryBlobs,
    MemoryDurableLog,
    MemoryIncidents,
    MemoryItems,
    MemoryLake,
    MemoryLog,
    MemoryMembers,
    MemoryQueries,
    MemoryRegistry,
)
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.adapters.seen_items import append_seen
from recsysops.errors import ConflictError, NotFound
from recsysops.vocabulary import Incident, ItemFeatures, Member, ModelEntry, Window

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def make_item(item_id: str) -> ItemFeatures:
    return ItemFeatures(
        item_id=item_id,
        title="A title",
        genres=("Drama",),
        year=1999,
        language="en",
        price=3.5,
        in_stock=True,
        launch_date=None,
        source="supplier-1",
        batch="2026-10-30",
        version=1,
    )


def make_incident(incident_id: str, *, hours: int, status: str = "open") -> Incident:
    return Incident(
        incident_id=incident_id,
        status=status,  # type: ignore[arg-type]
        component="item_features",
        subject="language",
        title="language is null",
        severity="high",
        detected_at=NOW + timedelta(hours=hours),
        window=Window(NOW, NOW + timedelta(days=1)),
        reference=None,
        findings=(),
    )


def test_seen_items_keep_the_newest_and_each_once() -> None:
    assert append_seen(("a", "b", "c"), ("a", "d"), limit=3) == ("c", "a", "d")


@given(st.lists(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcdef")), st.integers(1, 8))
def test_seen_items_are_the_last_distinct_ones(old: list[str], new: list[str], limit: int) -> None:
    kept = append_seen(old, new, limit=limit)
    assert len(set(kept)) == len(kept) == min(limit, len({*old, *new}))
    last = {item: place for place, item in enumerate([*old, *new])}
    assert list(kept) == sorted(last, key=lambda item: last[item])[-limit:]


def test_adding_seen_items_creates_a_member_with_its_own_salt() -> None:
    members = MemoryMembers()
    members.add_seen("m-1", ["a"])
    members.add_seen("m-2", ["a"])
    first, second = members.get("m-1"), members.get("m-2")
    assert first is not None
    assert second is not None
    assert first.seen == ("a",)
    assert first.salt != second.salt


def test_adding_seen_items_keeps_vectors_and_salt() -> None:
    members = MemoryMembers([Member("m-1", {"m": b"v"}, ("a",), "salt")])
    members.add_seen("m-1", ["b", "a"])
    assert members.get("m-1") == Member("m-1", {"m": b"v"}, ("b", "a"), "salt")
    assert members.get("m-9") is None


def test_a_scan_does_not_see_items_written_during_it() -> None:
    items = MemoryItems([make_item("a"), make_item("b")])
    scan = items.scan()
    first = next(scan)
    items.put_many([make_item("c")])
    assert {first.item_id, *(item.item_id for item in scan)} == {"a", "b"}
    assert len(items) == 3


def test_a_missing_object_is_not_found_and_keys_are_sorted() -> None:
    blobs = MemoryBlobs({"b/2": b"2", "b/1": b"1", "c": b"3"})
    assert blobs.list_keys("b/") == ["b/1", "b/2"]
    assert blobs.get("c") == b"3"
    with pytest.raises(NotFound, match="'nothing'"):
        blobs.get("nothing")


def test_log_lines_can_be_read_back_by_stream_and_in_order() -> None:
    log, durable = MemoryLog(), MemoryDurableLog()
    log.write("slim_requests", ['{"n":1}', '{"n":2}'])
    log.flush()
    durable.append("feedback", ['{"n":3}'])
    assert log.rows("slim_requests") == [{"n": 1}, {"n": 2}]
    assert log.rows("full_requests") == []
    assert durable.lines("feedback") == ['{"n":3}']


def test_lake_objects_replace_themselves_and_are_gzip_json_lines() -> None:
    lake = MemoryLake()
    lake.write_rows("choice_ranks", rows=[{"rank": 1}], ingest_time=NOW, name="w")
    key = lake.write_rows(
        "choice_ranks", rows=[{"rank": 2}, {"rank": None}], ingest_time=NOW, name="w"
    )
    assert key == "choice_ranks/dt=2026-11-01/w.json.gz"
    lines = gzip.decompress(lake.objects[key]).decode().splitlines()
    assert [json.loads(line) for line in lines] == lake.rows("choice_ranks")
    assert lake.rows("choice_ranks") == [{"rank": 2}, {"rank": None}]


def test_queries_are_answered_by_the_given_function() -> None:
    engine = MemoryQueries(lambda sql: [{"sql": sql}])
    assert engine.run("select 1") == [{"sql": "select 1"}]
    assert engine.asked == ["select 1"]
    assert MemoryQueries().run("select 1") == []


def test_models_and_incidents_are_listed_newest_first() -> None:
    registry = MemoryRegistry()
    for days, name in enumerate(["old", "new"]):
        registry.put(ModelEntry(name, "candidate", NOW + timedelta(days=days)))
    assert [entry.model_id for entry in registry.entries()] == ["new", "old"]
    book = MemoryIncidents([make_incident("i-1", hours=0), make_incident("i-2", hours=1)])
    book.put(make_incident("i-3", hours=2, status="resolved"))
    assert [one.incident_id for one in book.list_incidents()] == ["i-3", "i-2", "i-1"]
    assert [one.incident_id for one in book.list_incidents("open")] == ["i-2", "i-1"]
    with pytest.raises(NotFound):
        book.get("i-9")


def test_a_second_deployment_conflicts_until_the_first_ends() -> None:
    deployer = MemoryConfigDeployer()
    deployer.deploy("one", strategy="staged", note="first")
    with pytest.raises(ConflictError, match="1 is still running"):
        deployer.deploy("two", strategy="at-once", note="second")
    deployer.finish()
    assert deployer.deploy("two", strategy="at-once", note="second") == "2"
    assert deployer.status() == {"deployment_id": "2", "state": "COMPLETE", "percent": "100"}


def test_stopping_returns_to_the_content_before_and_only_while_running() -> None:
    served: list[str] = []
    deployer = MemoryConfigDeployer(on_content=served.append)
    deployer.deploy("one", strategy="at-once", note="")
    deployer.deploy("two", strategy="staged", note="")
    assert deployer.stop() is True
    assert deployer.stop() is False
    assert served == ["one", "two", "one"]
    assert deployer.current() == "one"
