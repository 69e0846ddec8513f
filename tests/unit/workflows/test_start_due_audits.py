"""From the watermark to started audits, their progress, and the ones that are late."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from recsysops.adapters.memory import MemoryBlobs, MemoryQueries, MemoryRegistry
from recsysops.detection.catalogue import AUDITS, find_audit
from recsysops.detection.checks import Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.schedule import Progress, note_run
from recsysops.errors import BadData, BadInput
from recsysops.vocabulary import Window
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.keep_progress import PROGRESS_KEY, ProgressStore
from recsysops.workflows.pin_reference import PINNED_KEY, find_pinned, pin_reference
from recsysops.workflows.plan_audits import AuditPlan, plan_audits
from recsysops.workflows.start_due_audits import StartedAudits, start_due_audits

NOW = datetime(2026, 3, 3, 12, 20, tzinfo=UTC)
DAY = timedelta(days=1)


class Desk:
    """A lake with a newest line, a bucket, and a state machine that takes a name once.

    As Step Functions does, it answers a second start as it did the first while the run still runs.
    """

    def __init__(self, newest: datetime | None) -> None:
        self.queries = MemoryQueries(lambda _: [{"newest": newest}])
        self.progress = ProgressStore(MemoryBlobs())
        self.started: dict[str, Mapping[str, object]] = {}
        self.ended: set[str] = set()

    def start(self, name: str, payload: Mapping[str, object]) -> bool:
        same = self.started.setdefault(name, payload) == payload
        return same and name not in self.ended

    def end(self) -> None:
        """Let every run end; what came of it is in the progress, or it failed."""
        self.ended |= set(self.started)

    def record(self, name: str) -> None:
        """Note what a run judged, as its last step does."""
        asked = self.started[name]
        self.progress.note([], plan_of(asked).context)

    def look(self, now: datetime = NOW) -> StartedAudits:
        return start_due_audits(
            queries=self.queries, progress=self.progress, start=self.start, now=now
        )


HOURLY, DAILY = "hour-20260303T1000-r0", "day-20260302T0000-r0"


def test_what_is_due_is_started_under_its_name_and_not_again_while_it_runs() -> None:
    desk = Desk(NOW - timedelta(minutes=25))
    assert desk.look().to_document() == {
        "watermark": "2026-03-03T11:00:00+00:00",
        "started": [HOURLY, DAILY],
        "given_up": [],
    }
    desk.look()
    assert list(desk.started) == [HOURLY, DAILY]
    assert (
        "dt >= '2026-03-02' AND event_time < timestamp '2026-03-03 12:20" in desk.queries.asked[0]
    )


def test_what_failed_is_started_again_a_few_times_and_then_given_up() -> None:
    desk = Desk(NOW - timedelta(minutes=25))
    begun: list[str] = []
    for _ in range(5):
        desk.look()
        desk.look()
        begun.append(" ".join(list(desk.started)[sum(len(one.split()) for one in begun) :]))
        desk.end()
    assert begun == [
        f"{HOURLY} {DAILY}",
        f"{HOURLY}-a1 {DAILY}-a1",
        f"{HOURLY}-a2 {DAILY}-a2",
        "",
        "",
    ]
    given_up = desk.look()
    assert (given_up.started, given_up.given_up) == ((), (HOURLY, DAILY))


def test_a_second_attempt_is_asked_what_the_first_was() -> None:
    desk = Desk(NOW - timedelta(minutes=25))
    desk.look()
    desk.end()
    desk.look()
    assert desk.started[f"{DAILY}-a1"] == desk.started[DAILY]


def test_what_was_recorded_is_not_started_again_even_between_reading_and_starting() -> None:
    desk = Desk(NOW - timedelta(minutes=25))
    desk.look()
    start = desk.start

    def start_late(name: str, payload: Mapping[str, object]) -> bool:
        if not desk.ended:
            desk.record(HOURLY)
            desk.end()
        return start(name, payload)

    desk.start = start_late  # type: ignore[method-assign]
    assert desk.look().started == (HOURLY, f"{DAILY}-a1")
    assert f"{HOURLY}-a1" not in desk.started


def test_a_started_window_is_planned_with_the_audits_of_its_cadence_alone() -> None:
    desk = Desk(NOW)
    desk.look()
    hourly, daily = (plan_of(document) for document in desk.started.values())
    assert {one.audit.every for one in hourly.audits} == {"hour"}
    assert {one.audit.every for one in daily.audits} == {"day"}
    assert len(hourly.audits) + len(daily.audits) == len(AUDITS)
    assert (hourly.context.every_hours, daily.context.every_hours) == (1.0, 24.0)


def plan_of(document: Mapping[str, object], **given: object) -> AuditPlan:
    return plan_audits(document, registry=MemoryRegistry(), now=NOW, **given)  # type: ignore[arg-type]


def test_a_pinned_reference_serves_frozen_audits_of_scheduled_runs_alone() -> None:
    pinned = Window(NOW - 30 * DAY, NOW - 23 * DAY)
    desk = Desk(NOW)
    desk.look()
    daily = desk.started["day-20260302T0000-r0"]
    plan = plan_of(daily, pinned=pinned)
    frozen = [one for one in plan.audits if one.context.pinned]
    assert {one.audit.name for one in frozen} == {
        audit.name for audit in AUDITS if audit.baseline == "frozen" and audit.every == "day"
    }
    assert all(one.context.reference == pinned for one in frozen)
    assert plan.context.reference == Window(NOW.replace(hour=0, minute=0) - 2 * DAY,
                                            NOW.replace(hour=0, minute=0) - DAY)  # fmt: skip
    explicit = {name: daily[name] for name in daily if name != "every"}
    assert not any(one.context.pinned for one in plan_of(explicit, pinned=pinned).audits)
    later = Window(NOW - 2 * DAY, NOW)
    assert not any(one.context.pinned for one in plan_of(daily, pinned=later).audits)


def test_seasonal_audits_of_scheduled_runs_are_compared_with_whole_weeks() -> None:
    desk = Desk(NOW)
    desk.look()
    hourly = desk.started["hour-20260303T1100-r0"]
    begun = NOW.replace(hour=0, minute=0) - 30 * DAY
    progress = note_run(
        Progress(), every="hour", window=Window(begun - DAY, begun), revision=0, answered=[],
        known=[],
    )  # fmt: skip
    plan = plan_of(hourly, progress=progress)
    references = {one.audit.name: one.context.reference for one in plan.audits}
    assert references["volume"] == Window(datetime(2026, 2, 2, tzinfo=UTC),
                                          datetime(2026, 3, 2, tzinfo=UTC))  # fmt: skip
    assert references["fallback_share"] == plan.context.reference
    young = plan_of(hourly, progress=Progress())
    assert {one.context.reference for one in young.audits} == {plan.context.reference}


def test_a_reference_is_pinned_found_again_and_must_be_over() -> None:
    blobs = MemoryBlobs()
    assert find_pinned(blobs) is None
    made = pin_reference(Window(NOW - DAY, NOW), blobs=blobs, reason="a quiet day", now=NOW)
    assert find_pinned(blobs) == made
    assert made.window == Window(NOW - DAY, NOW)
    with pytest.raises(BadInput, match="of the past"):
        pin_reference(Window(NOW - DAY, NOW + DAY), blobs=blobs, reason="", now=NOW)
    blobs.put(PINNED_KEY, b"[]")
    with pytest.raises(BadData, match="pinned reference"):
        find_pinned(blobs)


def context(end: datetime, **changes: object) -> AuditContext:
    made = plan_of({"window_start": (end - DAY).isoformat(), "window_end": end.isoformat()})
    return made.context.model_copy(update=changes)


def judge(store: ProgressStore, judgements: list[Judgement], end: datetime) -> list[Judgement]:
    """Find who is late and note the run, as the workflow's last step does."""
    late = store.find_late(judgements, context(end))
    store.note(judgements, context(end))
    return late


def test_an_audit_that_nobody_ran_for_long_is_told_as_late_by_the_runs_of_others() -> None:
    store = ProgressStore(MemoryBlobs())
    everybody = [Judgement(audit=audit.name, status="judged") for audit in AUDITS]
    assert judge(store, everybody, NOW) == []
    others = [one for one in everybody if one.audit != "score_drift"]
    assert judge(store, others, NOW + 2 * DAY) == []
    [late] = judge(store, others, NOW + 3 * DAY)
    assert (late.audit, late.status) == ("score_drift", "audit_late")
    assert late.explain().startswith("should answer every day; its last window ended 2026-03-03")


def test_who_is_late_can_be_asked_without_noting_the_run() -> None:
    store = ProgressStore(MemoryBlobs())
    store.find_late([Judgement(audit="volume", status="judged")], context(NOW, every="day"))
    assert store.load() == Progress()


def test_an_audit_that_fails_every_time_does_not_count_as_answered() -> None:
    store = ProgressStore(MemoryBlobs())
    everybody = [Judgement(audit=audit.name, status="judged") for audit in AUDITS]
    judge(store, everybody, NOW)
    failing = [
        one.model_copy(update={"status": "audit_failed"}) if one.audit == "volume" else one
        for one in everybody
    ]
    [late] = judge(store, failing, NOW + 3 * DAY)
    assert late.audit == "volume"


def test_progress_that_cannot_be_read_is_said_so() -> None:
    store = ProgressStore(MemoryBlobs({PROGRESS_KEY: b"{"}))
    with pytest.raises(BadData, match="progress"):
        store.load()


def test_baselines_of_the_pinned_reference_are_not_asked_again() -> None:
    desk, store = Desk(NOW), BaselineStore(MemoryBlobs())
    desk.look()
    daily = desk.started["day-20260302T0000-r0"]
    pinned = Window(NOW - 30 * DAY, NOW - 23 * DAY)
    from recsysops.detection.baseline import make_baseline

    drift = find_audit("feature_drift")
    row = {"period": "reference", "slice": "all", "label": "year=0"}
    store.keep(make_baseline(drift, pinned, [row]))
    plan = plan_of(daily, pinned=pinned, baselines=store)
    asked = {one.audit.name: one.context.asked for one in plan.audits}
    assert asked["feature_drift"] == "window"
    assert asked["score_drift"] == "both"
