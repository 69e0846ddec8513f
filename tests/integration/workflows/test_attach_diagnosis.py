"""A paged incident is diagnosed by itself: the verdict, whom it touches, or why it cannot tell."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from recsysops.adapters.eventbridge_notifier import EventBridgeNotifier
from recsysops.adapters.memory import MemoryIncidents
from recsysops.errors import DependencyError, NotFound
from recsysops.vocabulary import Finding, Incident
from recsysops.workflows.diagnose_from_lake import attach_diagnosis
from recsysops.workflows.estimate_affected import estimate_affected

from tests.fakes.broken_world import BROKEN, REQUESTS, BrokenWorld, make_broken_world, make_incident

INCIDENT = make_incident()


@pytest.fixture(scope="module")
def world() -> Iterator[BrokenWorld]:
    made = make_broken_world()
    made.change_items(lambda item: replace(item, language=None) if item.language == "ja" else item)
    made.serve_day(BROKEN)
    yield made
    made.lake.close()


def attach(world: BrokenWorld, book: MemoryIncidents) -> dict[str, object]:
    told = attach_diagnosis(
        INCIDENT.incident_id,
        incidents=book,
        queries=world.lake,
        cache=world.cache,
        registry=world.registry,
        now=BROKEN.end,
    )
    return dict(told)


def test_the_verdict_and_whom_it_touches_are_written_into_the_incident(world: BrokenWorld) -> None:
    book = MemoryIncidents([INCIDENT])
    told = attach(world, book)
    kept = book.get(INCIDENT.incident_id)
    assert told["verdict"] == "input"
    assert kept.diagnosis is not None
    assert (kept.diagnosis["verdict"], kept.diagnosis["feature"]) == ("input", "language")
    assert [line["event"] for line in kept.timeline][-1] == "diagnosed"
    assert 0 < kept.affected["members"] <= kept.affected["requests"] <= REQUESTS  # type: ignore[operator]


def test_a_diagnosis_that_somebody_made_is_left_alone(world: BrokenWorld) -> None:
    book = MemoryIncidents([replace(INCIDENT, diagnosis={"verdict": "model"})])
    assert attach(world, book) == {"verdict": "model"}
    assert book.get(INCIDENT.incident_id).timeline == INCIDENT.timeline


def test_what_cannot_be_judged_is_said_so_in_the_incident(world: BrokenWorld) -> None:
    book = MemoryIncidents([replace(INCIDENT, reference=None)])
    assert attach(world, book)["verdict"] == "could_not_judge"
    kept = book.get(INCIDENT.incident_id).diagnosis
    assert kept is not None
    assert "has no reference" in str(kept["summary"])
    with pytest.raises(NotFound):
        attach(world, MemoryIncidents())


def root(metric: str, subject: str, **slice_: str) -> Finding:
    return Finding(
        audit="fallback_share", finding_id="f", component="serving", metric=metric,
        subject=subject, slice=slice_, baseline=0.0, observed=1.0, effect=1.0, effect_floor=0.1,
        p_value=0.0, alarm=True,
    )  # fmt: skip


def test_whom_an_incident_touches_is_counted_by_item_by_slice_or_not_at_all(
    world: BrokenWorld,
) -> None:
    def count(incident: Incident, *items: str) -> dict[str, int]:
        return estimate_affected(incident, item_ids=items, queries=world.lake)

    assert count(INCIDENT) == {}
    assert count(INCIDENT, "never-shown") == {"requests": 0, "members": 0}
    serving = replace(INCIDENT, component="serving")
    assert count(serving)["requests"] == REQUESTS
    here = replace(serving, findings=(root("fallback_share", "no_such_reason"),))
    assert count(here) == {"requests": 0, "members": 0}
    home = replace(serving, findings=(root("latency", "home", surface="home"),))
    assert count(home)["requests"] == REQUESTS
    odd = replace(serving, findings=(root("latency", "x", surface="x' OR 1=1 --"),))
    assert count(odd)["requests"] == REQUESTS


class Bus:
    """An events client that refuses what it is told to."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.entries: list[dict[str, str]] = []
        self._refuses = refuses

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
        self.entries += Entries
        return {"FailedEntryCount": int(self._refuses), "Entries": [{"ErrorCode": "Throttled"}]}


def test_the_bus_is_told_of_an_incident() -> None:
    bus = Bus()
    channel = EventBridgeNotifier(bus, "incidents")  # type: ignore[arg-type]
    channel.publish("language vanished", {"incident_id": "inc-1"})
    [entry] = bus.entries
    assert (entry["Source"], entry["DetailType"]) == ("recsysops", "recsysops.incident")
    assert '"incident_id": "inc-1"' in entry["Detail"]


def test_an_event_that_the_bus_refused_is_an_error_and_not_a_loss() -> None:
    with pytest.raises(DependencyError, match="Throttled"):
        EventBridgeNotifier(Bus(refuses=True), "incidents").publish("x", {})  # type: ignore[arg-type]
