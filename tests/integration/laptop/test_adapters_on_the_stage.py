"""Adapters that moto cannot stand in for, against the emulator that the laptop stage runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from recsysops.adapters.appconfig_flags import AppConfigFlags
from recsysops.adapters.firehose_log import FirehoseLog
from recsysops.bootstrap import Ports
from recsysops.errors import BadInput, ConflictError, DependencyError
from recsysops.request_log.records import FeedbackEvent
from recsysops.request_log.schema import encode_record
from recsysops.serving.flag_document import build_flag_document, dump_flag_document
from recsysops.settings import settings_from_outputs
from recsysops.vocabulary import Hotfix, SamplingPlan

from tests.integration.laptop.conftest import Deployed

pytestmark = pytest.mark.laptop

NOW = datetime.now(UTC).replace(microsecond=678_000)


@pytest.fixture
def ports(laptop: Deployed) -> Ports:
    return Ports(settings_from_outputs(laptop.layout.outputs))


@pytest.fixture
def flags(ports: Ports) -> AppConfigFlags:
    settings = ports.settings.model_copy(update={"poll_seconds": 0.0})
    return Ports(settings).flags


def make_event(event_id: str, **changes: object) -> FeedbackEvent:
    plain: dict[str, object] = {
        "event_id": event_id, "request_id": "r-1", "event_time": NOW, "member": "p",
        "member_group": 3, "item_id": "1029", "kind": "rating", "value": 0.1 + 0.2,
        "traffic": "live",
    }  # fmt: skip
    return FeedbackEvent.model_validate({**plain, **changes})


def make_document(hotfix_id: str) -> str:
    hotfix = Hotfix(
        hotfix_id=hotfix_id, kind="block_items", params={"item_ids": ("1029",)}, percent=50.0,
        salt=hotfix_id, owner="ann", reason="a test", expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    return dump_flag_document(build_flag_document([hotfix]))


def test_acknowledged_lines_are_rows_of_the_lake_with_their_types(ports: Ports) -> None:
    lines = [encode_record(make_event(f"e-{number}")) for number in range(200)]
    ports.feedback_log.append("feedback", lines)
    counted, last = ports.queries.run(
        "SELECT event_id AS event_id, event_time AS event_time, member_group AS member_group,"
        " value AS value, value > 0 AS positive, CAST(NULL AS double) AS nothing,"
        " CAST(1.5 AS decimal(4, 2)) AS decimal, count(*) OVER () AS rows"
        " FROM feedback WHERE event_id IN ('e-0', 'e-199') ORDER BY event_id"
    )
    assert counted == {
        "event_id": "e-0", "event_time": NOW, "member_group": 3, "value": 0.1 + 0.2,
        "positive": True, "nothing": None, "decimal": 1.5, "rows": 2,
    }  # fmt: skip
    assert last["event_id"] == "e-199"


def test_more_rows_than_a_page_come_back(ports: Ports) -> None:
    rows = ports.queries.run("SELECT n AS n FROM unnest(sequence(1, 2500)) AS t(n) ORDER BY n")
    assert [row["n"] for row in rows] == list(range(1, 2501))


def test_a_query_that_fails_tells_the_engines_reason(ports: Ports) -> None:
    with pytest.raises(DependencyError, match="no_such_column"):
        ports.queries.run("SELECT no_such_column AS x FROM feedback")


def test_buffered_lines_of_two_streams_are_delivered_together(ports: Ports) -> None:
    log = ports.request_log
    assert isinstance(log, FirehoseLog)
    log.write("slim_requests", [json.dumps({"request_id": "r-slim", "arm": "greedy"})] * 2)
    log.write("full_requests", [json.dumps({"request_id": "r-full", "arm": "greedy"})])
    log.flush()
    assert log.take_losses() == 0
    for table, request_id, count in (("slim", "r-slim", 2), ("full", "r-full", 1)):
        (row,) = ports.queries.run(
            f"SELECT count(*) AS n FROM {table}_requests WHERE request_id = '{request_id}'"  # noqa: S608
        )
        assert row["n"] == count


def test_hotfixes_are_deployed_read_stopped_and_refused(
    ports: Ports, flags: AppConfigFlags
) -> None:
    deployer = ports.hotfix_deployer
    first, second = make_document("hf-1"), make_document("hf-2")
    deployer.deploy(first, strategy="at-once", note="first")
    assert flags.hotfixes().hotfixes[0].hotfix_id == "hf-1"
    assert deployer.current() == first
    deployer.deploy(second, strategy="at-once", note="second")
    assert flags.hotfixes().hotfixes[0].hotfix_id == "hf-2"
    assert deployer.stop() is False, "it is complete"
    deployer.deploy('{"hotfixes": "all"}', strategy="at-once", note="by hand")
    kept = flags.hotfixes()
    assert (kept.hotfixes[0].hotfix_id, bool(kept.rejected)) == ("hf-2", True)
    assert flags.rejected_count == 1
    deployer.deploy(first, strategy="at-once", note="mended")
    assert flags.hotfixes().rejected is None
    assert deployer.status()["state"] == "COMPLETE"


def test_a_sampling_plan_that_was_never_deployed_is_the_default(flags: AppConfigFlags) -> None:
    assert flags.sampling_plan() == SamplingPlan()
    flags.require_fresh()


def test_the_machine_clients_token_opens_the_api_and_no_other_word_does(ports: Ports) -> None:
    answer = ports.api.call("POST", "/v1/recommendations", {"member_id": "nobody"})
    assert answer["fallback_reason"]
    ports.token.token = lambda: "forged"  # type: ignore[method-assign]
    with pytest.raises(BadInput, match="401"):
        Ports.api.func(ports).call("POST", "/v1/recommendations", {"member_id": "nobody"})


def test_two_trail_rows_of_one_deployment_conflict(ports: Ports) -> None:
    ports.trail.append({"deployment_id": "7", "operator": "ann"})
    with pytest.raises(ConflictError):
        ports.trail.append({"deployment_id": "7", "operator": "bob"})


def test_an_object_is_replaced_only_as_it_was_read(ports: Ports) -> None:
    key, seen = f"flags/a-test-{NOW:%f}", []

    def change(body: bytes | None) -> bytes:
        seen.append(body)
        if len(seen) == 1:
            ports.blobs.put(key, b"another's")
        return (body or b"") + b" and mine"

    ports.blobs.update(key, change)
    assert seen == [None, b"another's"]
    assert ports.blobs.get(key) == b"another's and mine"
