"""The deployed stage waits for what it asked for, and says what did not come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from recsysops.cli.story.deployed import THREADS, DeployedStage
from recsysops.errors import DependencyError
from recsysops.serving.roll_out import parse_model_pointer
from recsysops.settings import Settings
from recsysops.vocabulary import ModelPointer

from tests.fakes.broken_world import BROKEN, REFERENCE, make_incident
from tests.fakes.told_stage import FakeTime, make_stage_ports, make_world

SETTINGS = Settings(
    publish_delta_function="publish",
    rank_choices_function="rank",
    audit_state_machine_arn="arn:audit",
    predict_launches_state_machine_arn="arn:launches",
)
DAY = make_world().stretches["reference"]


class FakeApi:
    """Answers recommendations with what serves after some probes, feedback as told."""

    def __init__(self, *, serves_after: int = 0, feedback_status: str = "accepted") -> None:
        self.left = serves_after
        self.feedback_status = feedback_status
        self.bodies: list[tuple[str, Mapping[str, object]]] = []

    def call(self, _: str, path: str, body: Mapping[str, object]) -> dict[str, object]:
        self.bodies.append((path, body))
        if path == "/v1/feedback":
            return {"events": [{"event_id": "e", "status": self.feedback_status}]}
        self.left -= 1
        delta_id = "d-old" if self.left >= 0 else "d-new"
        return {"request_id": "server-1", "delta_id": delta_id, "model_id": "m-1"}


class FakeCalls:
    """Functions and state machines that remember what they were given."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, object]]] = []

    def call(self, function: str, payload: Mapping[str, object]) -> dict[str, object]:
        self.asked.append((function, payload))
        return {"delta_id": "d-new"}

    run = call


def make_stage(
    api: FakeApi,
    *,
    answer: Callable[[str], list[dict[str, object]]] | None = None,
    time: FakeTime | None = None,
) -> tuple[DeployedStage, FakeCalls]:
    calls = FakeCalls()
    stage = DeployedStage(
        settings=SETTINGS,
        ports=make_stage_ports(answer),
        api=api,  # type: ignore[arg-type]
        calls=calls,  # type: ignore[arg-type]
        runs=calls,  # type: ignore[arg-type]
        patience=(time or FakeTime()).patience(),
    )
    return stage, calls


def test_a_published_snapshot_is_awaited_until_every_probe_answers_with_it() -> None:
    # one worker of many still answers with the old snapshot, twice
    time, api = FakeTime(), FakeApi(serves_after=4 * THREADS + 1)
    stage, calls = make_stage(api, time=time)
    assert stage.publish(REFERENCE.start) == "d-new"
    assert calls.asked == [("publish", {"as_of": REFERENCE.start.isoformat()})]
    assert len(api.bodies) == 3 * 4 * THREADS
    assert time.seconds == 2.0


def test_scorers_that_never_serve_it_are_an_error_that_says_what_they_serve() -> None:
    time = FakeTime()
    stage, _ = make_stage(FakeApi(serves_after=10**6), time=time)
    with pytest.raises(DependencyError, match=r"do not serve d-new: .*d-old"):
        stage.publish(REFERENCE.start)
    assert time.seconds == 60.0


def test_a_model_is_awaited_too_and_nothing_in_particular_is_served_at_once() -> None:
    stage, _ = make_stage(FakeApi())
    stage.wait_until_served()
    stage.wait_until_served(model_id="m-1")
    with pytest.raises(DependencyError, match="m-2"):
        stage.wait_until_served(model_id="m-2")


def test_a_model_pointer_is_deployed_at_once() -> None:
    stage, _ = make_stage(FakeApi())
    assert stage.point_at(ModelPointer("m-1")) == "1"
    pointer = parse_model_pointer(stage.ports.model.current())
    assert pointer is not None
    assert pointer.production == "m-1"


def test_traffic_is_sent_fed_back_and_awaited_in_the_lake() -> None:
    counts = iter([0, 0, 1])
    time, api = FakeTime(), FakeApi()
    stage, _ = make_stage(api, answer=lambda _: [{"requests": next(counts)}], time=time)
    told: list[tuple[int, int]] = []
    assert stage.send(DAY, lambda done, total: told.append((done, total))) == 1
    (asked, recommendation), (fed, feedback) = api.bodies
    assert (asked, fed) == ("/v1/recommendations", "/v1/feedback")
    assert recommendation["event_time"] == DAY.requests[0].event_time.isoformat()
    assert feedback["events"][0]["request_id"] == "server-1"
    assert told == [(1, 1)]
    assert time.seconds == 2.0


def test_a_request_that_never_reaches_the_lake_is_an_error_with_both_numbers() -> None:
    stage, _ = make_stage(FakeApi(), answer=lambda _: [{"requests": 0}])
    with pytest.raises(DependencyError, match="the lake has 0 of 1 requests after 60 s"):
        stage.send(DAY, lambda *_: None)


def test_feedback_that_is_rejected_stops_the_traffic() -> None:
    stage, _ = make_stage(FakeApi(feedback_status="rejected"))
    with pytest.raises(DependencyError, match=r"feedback was rejected.*'status': 'rejected'"):
        stage.send(DAY, lambda *_: None)


def test_an_audit_ranks_the_reference_once_and_returns_what_is_open() -> None:
    stage, calls = make_stage(FakeApi())
    is_open, mitigated = make_incident(), make_incident(incident_id="inc-2", status="mitigated")
    for incident in (is_open, mitigated):
        stage.ports.incidents.put(incident)
    assert stage.audit(BROKEN, REFERENCE) == [is_open]
    assert stage.audit(BROKEN, REFERENCE) == [is_open]
    assert [name for name, _ in calls.asked] == ["rank", "arn:audit", "arn:audit"]
    assert calls.asked[0][1] == {
        "window_start": REFERENCE.start.isoformat(),
        "window_end": REFERENCE.end.isoformat(),
    }
    assert calls.asked[1][1] == {
        "window_start": BROKEN.start.isoformat(),
        "window_end": BROKEN.end.isoformat(),
        "reference_start": REFERENCE.start.isoformat(),
        "reference_end": REFERENCE.end.isoformat(),
    }


def test_launches_are_forecast_by_the_state_machine_as_of_a_moment() -> None:
    stage, calls = make_stage(FakeApi())
    stage.forecast_launches(REFERENCE.end + timedelta(days=1))
    assert calls.asked == [
        ("arn:launches", {"as_of": (REFERENCE.end + timedelta(days=1)).isoformat()})
    ]
