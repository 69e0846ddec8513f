"""Everyday commands over memory ports: one JSON document each, and what it says is true."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.bootstrap import Ports
from recsysops.cli.operate import parse_moment, parse_window
from recsysops.errors import BadInput
from recsysops.request_log.schema import encode_record

from tests.fakes.broken_world import BROKEN, REQUESTS, BrokenWorld, make_incident
from tests.unit.cli.conftest import RunCli

INCIDENT = make_incident().incident_id
DAY = ["--from", BROKEN.start.isoformat(), "--to", BROKEN.end.isoformat()]


def test_moments_are_utc_whatever_zone_they_were_said_in() -> None:
    assert parse_moment("2026-03-02T01:30") == datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    moment = parse_moment("2026-03-02T01:30+02:00")
    assert (moment, moment.tzinfo) == (datetime(2026, 3, 1, 23, 30, tzinfo=UTC), UTC)


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BadInput, match="is empty"):
        parse_window("2026-03-03", "2026-03-02")


@pytest.mark.usefixtures("ports")
def test_incidents_are_listed_as_one_json_document_and_by_status(run_cli: RunCli) -> None:
    (incident,) = json.loads(run_cli("incidents", "--json").out)
    assert (incident["incident_id"], incident["status"]) == (INCIDENT, "open")
    assert incident["window"]["start"] == BROKEN.start.isoformat()
    assert json.loads(run_cli("incidents", "--status", "resolved", "--json").out) == []
    assert "incidents: none" in run_cli("incidents", "--status", "resolved").out


@pytest.mark.usefixtures("ports")
def test_models_are_listed_as_one_json_document(run_cli: RunCli, broken_world: BrokenWorld) -> None:
    (model,) = json.loads(run_cli("models", "--json").out)
    assert (model["model_id"], model["status"]) == (broken_world.good.model_id, "production")
    assert broken_world.good.model_id in run_cli("models").out


def test_a_diagnosis_is_printed_and_kept_where_the_menu_finds_it(
    run_cli: RunCli, ports: Ports
) -> None:
    said = run_cli("diagnose", INCIDENT, "--json")
    found = json.loads(said.out)
    assert (said.status, said.err) == (0, "")
    assert (found["verdict"], found["feature"]) == ("input", "language")
    kept = ports.incidents.get(INCIDENT)
    assert kept.diagnosis == found
    assert [line["event"] for line in kept.timeline] == ["diagnosed"]
    assert kept.status == "open"


@pytest.mark.usefixtures("ports")
def test_a_diagnosis_for_people_names_verdict_items_and_queries(run_cli: RunCli) -> None:
    said = run_cli("diagnose", INCIDENT)
    assert said.status == 0
    for part in ("input", f"replayed {REQUESTS} of {REQUESTS}", "language before", "named queries"):
        assert part in said.out


@pytest.mark.usefixtures("ports")
def test_replay_of_a_window_and_of_one_request_holds(run_cli: RunCli) -> None:
    said = run_cli("replay", *DAY, "--json")
    assert said.status == 0
    assert json.loads(said.out) == {
        "records": REQUESTS, "bit_equal": REQUESTS, "within_one_ulp": 0, "different": 0,
        "refused": 0, "holds": True,
    }  # fmt: skip
    one = json.loads(run_cli("replay", "r-03-7", "--json").out)
    assert (one["records"], one["holds"]) == (1, True)


def test_replay_ends_with_status_1_when_a_record_comes_out_differently(
    run_cli: RunCli, ports: Ports, broken_world: BrokenWorld
) -> None:
    record = broken_world.records(BROKEN)[0]
    scores = [record.scores[0] + 1e-6, *record.scores[1:]]
    with DuckDbLake(clock=lambda: BROKEN.end) as lake:
        lake.write("full_requests", [encode_record(record.model_copy(update={"scores": scores}))])
        ports.queries = lake  # type: ignore[assignment]
        said = run_cli("replay", record.request_id, "--json")
    assert said.status == 1
    counts = json.loads(said.out)
    assert (counts["different"], counts["holds"]) == (1, False)


def test_replay_of_changed_inputs_is_refused_unless_digests_are_off(
    run_cli: RunCli, ports: Ports, broken_world: BrokenWorld
) -> None:
    record = broken_world.records(BROKEN)[0]
    changed = record.model_copy(update={"excluded": [*record.excluded, record.shown[0]]})
    with DuckDbLake(clock=lambda: BROKEN.end) as lake:
        lake.write("full_requests", [encode_record(changed)])
        ports.queries = lake  # type: ignore[assignment]
        refused = run_cli("replay", record.request_id, "--json")
        recomputed = run_cli("replay", record.request_id, "--no-check-digests", "--json")
    assert (refused.status, json.loads(refused.out)["refused"]) == (1, 1)
    assert (recomputed.status, json.loads(recomputed.out)["different"]) == (1, 1)


def test_a_window_without_records_does_not_hold(run_cli: RunCli, ports: Ports) -> None:
    del ports
    said = run_cli("replay", "--from", "2026-01-01", "--to", "2026-01-02", "--json")
    assert (said.status, json.loads(said.out)["records"]) == (1, 0)


class FakeApi:
    """An API that remembers what it was asked."""

    def __init__(self, answer: dict[str, object]) -> None:
        self.answer, self.asked = answer, []

    def call(self, method: str, path: str, body: object) -> dict[str, object]:
        self.asked.append((method, path, body))
        return self.answer


def test_recommend_asks_the_api_and_says_why_a_fallback_answered(
    run_cli: RunCli, ports: Ports
) -> None:
    answer = {
        "items": [{"item_id": "[/b]i1", "position": 1, "score": 0.51234567}],
        "status": "fallback", "fallback_reason": "unknown_member",
        "model_id": "m-1", "delta_id": "d-1",
    }  # fmt: skip
    api = FakeApi(answer)
    ports.api = api  # type: ignore[assignment]
    said = run_cli("recommend", "m1", "--limit", "3")
    assert api.asked == [("POST", "/v1/recommendations", {"member_id": "m1", "limit": 3})]
    assert "fallback because unknown_member" in said.out
    assert "[/b]i1" in said.out
    assert json.loads(run_cli("recommend", "m1", "--json").out) == answer


class FakeRuns:
    """State machines that remember what they were started with."""

    def run(self, arn: str, payload: dict[str, str], *, progress: object) -> dict[str, object]:
        self.started = (arn, payload)
        return {"opened": ["inc-1"], "tested": 7}


def test_audit_starts_the_state_machine_with_both_windows(run_cli: RunCli, ports: Ports) -> None:
    runs = FakeRuns()
    ports.runs = runs  # type: ignore[assignment]
    windows = [
        "--from", "2026-03-03", "--to", "2026-03-04",
        "--reference-from", "2026-03-02", "--reference-to", "2026-03-03",
    ]  # fmt: skip
    said = run_cli("audit", *windows, "--json")
    assert json.loads(said.out) == {"opened": ["inc-1"], "tested": 7}
    said = run_cli("audit", *windows).out
    assert "7 tests" in said
    assert "opened: inc-1" in said
    assert runs.started[1] == {
        "window_start": "2026-03-03T00:00:00+00:00",
        "window_end": "2026-03-04T00:00:00+00:00",
        "reference_start": "2026-03-02T00:00:00+00:00",
        "reference_end": "2026-03-03T00:00:00+00:00",
    }
