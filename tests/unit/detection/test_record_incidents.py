"""The incident book after a run: written once, paged once, continued, cleared."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier
from recsysops.detection.checks import CheckDocument, Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.lifecycle import Remark, move_incident
from recsysops.detection.sightings import judged_window, was_seen_last
from recsysops.errors import DependencyError
from recsysops.vocabulary import Incident
from recsysops.workflows.record_incidents import AuditReport, record_incidents

from tests.unit.detection.distributions import DAY, START, context

NOW = START + DAY + timedelta(hours=1)


def judged(*subjects: str) -> list[Judgement]:
    checks = tuple(
        CheckDocument(
            metric="zero_share",
            subject=subject,
            slice={},
            baseline=0.0,
            observed=0.1,
            effect=0.1,
            effect_floor=0.02,
            p_value=1e-20,
            nested=False,
        )
        for subject in subjects
    )
    return [
        Judgement(
            audit="null_default_share",
            status="judged",
            tested_wholes=12,
            findings=checks,
            query_id="q-7",
            sql="SELECT 1",
        )
    ]


class Desk:
    """A book, a pager, and a day to judge."""

    def __init__(self) -> None:
        self.book, self.pager = MemoryIncidents(), MemoryNotifier()
        self.bus: MemoryNotifier | None = None
        self.now = NOW

    def record(self, judgements: list[Judgement], asked: AuditContext | None = None) -> AuditReport:
        return record_incidents(
            judgements,
            context=asked or context(),
            incidents=self.book,
            notifier=self.pager,
            now=self.now,
            machines=self.bus,
        )

    def events(self, incident_id: str) -> list[str]:
        return [entry["event"] for entry in self.book.get(incident_id).timeline]


def days_later(days: int) -> AuditContext:
    moments = ("window_start", "window_end", "reference_start", "reference_end")
    return context(**{name: getattr(context(), name) + days * DAY for name in moments})


def test_a_quiet_run_writes_nothing_and_pages_nobody() -> None:
    desk = Desk()
    report = desk.record(judged())
    assert report.is_quiet
    assert report.tested == 12
    assert desk.book.list_incidents() == []
    assert desk.pager.messages == []


def test_a_finding_opens_an_incident_with_its_evidence_and_pages_once() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    incident = desk.book.get(incident_id)
    assert (incident.status, incident.component, incident.subject) == (
        "open",
        "item_features",
        "year",
    )
    assert incident.window == context().window
    assert incident.reference == context().reference
    assert incident.findings[0].evidence == {"query_id": "q-7", "sql": "SELECT 1"}
    assert incident.detected_at == NOW
    [(subject, body)] = desk.pager.messages
    assert subject == incident.title == "year is exactly zero: 0.0 % → 10.0 %"
    assert body["incident_id"] == incident_id


def test_judging_a_window_again_changes_nothing_and_pages_nobody() -> None:
    desk = Desk()
    first = desk.record(judged("year", "price"))
    before = desk.book.list_incidents()
    again = desk.record(judged("year", "price"), context(run_id="again"))
    assert desk.book.list_incidents() == before
    assert len(desk.pager.messages) == 2
    assert again.opened == first.opened


def test_a_repeat_leaves_an_incident_alone_that_somebody_worked_on() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    worked_on = replace(
        desk.book.get(incident_id), status="resolved", diagnosis={"verdict": "input"}
    )
    desk.book.put(worked_on)
    desk.record(judged("year"))
    assert desk.book.get(incident_id) == worked_on
    assert len(desk.pager.messages) == 1


class BrokenPager(MemoryNotifier):
    def publish(self, subject: str, body: Mapping[str, object]) -> None:
        raise DependencyError("SNS is down")


def test_a_page_that_failed_is_sent_by_the_repeat() -> None:
    desk = Desk()
    desk.pager = BrokenPager()
    with pytest.raises(DependencyError):
        desk.record(judged("year"))
    [incident] = desk.book.list_incidents()
    desk.pager = MemoryNotifier()
    desk.record(judged("year"))
    assert len(desk.pager.messages) == 1
    assert desk.events(incident.incident_id) == ["detected", "paged"]


@pytest.mark.parametrize("status", ["open", "acknowledged", "mitigated"])
def test_the_same_cause_in_a_later_window_continues_its_incident(status: str) -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    desk.book.put(replace(desk.book.get(incident_id), status=status))
    for _ in range(2):
        report = desk.record(judged("year"), days_later(1))
        assert (report.opened, report.continued) == ((), (incident_id,))
        assert not report.is_quiet
    assert desk.events(incident_id) == ["detected", "paged", "seen_again"]
    assert desk.book.get(incident_id).status == status
    assert len(desk.pager.messages) == 1


def test_a_cause_that_comes_back_after_it_was_resolved_is_a_new_incident() -> None:
    desk = Desk()
    [old] = desk.record(judged("year")).opened
    desk.book.put(replace(desk.book.get(old), status="resolved"))
    [new] = desk.record(judged("year"), days_later(1)).opened
    assert new != old
    assert len(desk.pager.messages) == 2


def resolved_at(desk: Desk, incident_id: str, hours: float) -> None:
    moment = NOW + timedelta(hours=hours)
    desk.book.update(
        incident_id, lambda one: move_incident(one, "resolve", Remark("ana", moment, "mended"))
    )


def test_a_cause_that_comes_back_soon_reopens_its_incident_and_repeating_changes_nothing() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    resolved_at(desk, incident_id, -30)
    desk.now = NOW + timedelta(hours=30)
    assert desk.record(judged("year"), days_later(1)).opened == (incident_id,)
    reopened = desk.book.get(incident_id)
    assert reopened.status == "reopened"
    assert len(desk.pager.messages) == 2
    assert desk.pager.messages[-1][0].startswith("again: year is exactly zero")
    report = desk.record(judged("year"), days_later(1))
    assert report.continued == (incident_id,)
    assert desk.book.get(incident_id) == reopened


def an_hour(hours: int, *, revision: int = 0) -> AuditContext:
    """The hour that begins so many after NOW."""
    start = NOW + timedelta(hours=hours)
    return context(
        window_start=start, window_end=start + timedelta(hours=1), every="hour", revision=revision
    )


def hourly(desk: Desk, hours: int, *subjects: str, revision: int = 0) -> AuditReport:
    """Judge the hour that begins so many after NOW when it is over."""
    desk.now = NOW + timedelta(hours=hours + 1 + 24 * revision, minutes=15)
    return desk.record(judged(*subjects), an_hour(hours, revision=revision))


def test_what_flaps_pages_once_a_day() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    for hours in (3, 6, 9):
        resolved_at(desk, incident_id, hours)
        assert hourly(desk, hours, "year").opened == (incident_id,)
    assert desk.events(incident_id).count("reopened") == 3
    assert len(desk.pager.messages) == 1


def test_what_came_back_and_stays_is_paged_again_when_the_day_is_over() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    resolved_at(desk, incident_id, 20)
    for hours in range(20, 90):
        hourly(desk, hours, "year")
    assert [subject.partition(":")[0] for subject, _ in desk.pager.messages] == [
        "year is exactly zero",
        "again",
    ]
    story = desk.events(incident_id)
    assert story.index("reopened") < len(story) - 1 - story[::-1].index("paged")


def test_what_was_mended_is_not_opened_again_by_the_late_look_at_windows_before() -> None:
    desk = Desk()
    [incident_id] = hourly(desk, 10, "year").opened
    hourly(desk, 11, "year")
    resolved_at(desk, incident_id, 13)
    for _ in range(2):
        late = hourly(desk, 11, "year", revision=1)
        assert (late.opened, late.continued) == ((), (incident_id,))
    desk.now += timedelta(hours=1)
    the_day = context(window_start=NOW, window_end=NOW + DAY)
    assert desk.record(judged("year"), the_day).opened == ()
    assert desk.book.get(incident_id).status == "resolved"
    assert desk.events(incident_id)[-2:] == ["seen_before_it_was_resolved"] * 2
    assert len(desk.pager.messages) == 1
    assert hourly(desk, 40, "year").opened == (incident_id,)


def test_the_hour_and_the_day_that_begin_together_are_two_windows() -> None:
    desk = Desk()
    [incident_id] = hourly(desk, 0, "year").opened
    resolved_at(desk, incident_id, 3)
    the_day = context(window_start=NOW, window_end=NOW + DAY)
    assert desk.record(judged("year"), the_day).continued == (incident_id,)
    assert desk.events(incident_id)[-1] == "seen_before_it_was_resolved"


def test_a_page_that_is_owed_is_sent_by_the_next_run_whatever_it_finds() -> None:
    desk = Desk()
    pager, desk.pager = desk.pager, BrokenPager()
    with pytest.raises(DependencyError):
        hourly(desk, 0, "year", "price")
    assert {one.subject for one in desk.book.list_incidents()} == {"year", "price"}
    desk.pager = pager
    hourly(desk, 1, "year")
    assert {body["subject"] for _, body in pager.messages} == {"year", "price"}
    [incident] = [one for one in desk.book.list_incidents() if one.subject == "year"]
    resolved_at(desk, incident.incident_id, 40)
    desk.pager = BrokenPager()
    with pytest.raises(DependencyError):
        hourly(desk, 40, "year")
    desk.pager = pager
    hourly(desk, 41, "year")
    hourly(desk, 42, "year")
    assert [subject for subject, _ in pager.messages if subject.startswith("again: year")] != []
    assert len(pager.messages) == 3


def test_trouble_with_the_bus_of_machines_costs_people_no_page_and_no_second_one() -> None:
    desk = Desk()
    desk.bus = BrokenPager()
    for _ in range(4):
        with pytest.raises(DependencyError):
            hourly(desk, 0, "year", "price")
    assert len(desk.pager.messages) == 2
    desk.bus = MemoryNotifier()
    hourly(desk, 1)
    assert len(desk.pager.messages) == 2
    assert {body["subject"] for _, body in desk.bus.messages} == {"year", "price"}
    [first, _] = desk.book.list_incidents()
    assert desk.events(first.incident_id)[:3] == ["detected", "paged", "not_seen"]
    assert desk.events(first.incident_id)[3] == "announced"


def test_nobody_is_paged_about_what_they_know() -> None:
    desk = Desk()
    pager, desk.pager = desk.pager, BrokenPager()
    with pytest.raises(DependencyError):
        hourly(desk, 0, "year")
    [incident] = desk.book.list_incidents()
    desk.pager = pager
    desk.book.update(
        incident.incident_id, lambda one: move_incident(one, "acknowledge", Remark("ana", NOW))
    )
    hourly(desk, 1, "year")
    assert pager.messages == []


def test_the_story_of_an_incident_that_lives_for_a_year_stays_small() -> None:
    desk = Desk()
    [incident_id] = hourly(desk, 0, "year").opened
    by_hand = replace(desk.book.get(incident_id), status="mitigated")
    desk.book.put(by_hand)
    for hours in range(1, 600):
        hourly(desk, hours, *(["year"] if hours % 3 else []))
    story = desk.events(incident_id)
    assert story[:2] == ["detected", "paged"]
    assert len(story) == 2 + 400
    last = desk.book.get(incident_id)
    assert was_seen_last(last)
    assert last.timeline[-1]["window"] == judged_window(an_hour(599))


def test_a_cause_that_comes_back_after_a_week_is_a_new_incident() -> None:
    desk = Desk()
    [old] = desk.record(judged("year")).opened
    resolved_at(desk, old, 1)
    desk.now = NOW + timedelta(days=9)
    [new] = desk.record(judged("year"), days_later(9)).opened
    assert new != old
    assert desk.book.get(old).status == "resolved"


def test_what_people_write_while_a_run_records_is_kept() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    stale = desk.book.list_incidents()
    desk.book.update(incident_id, lambda one: move_incident(one, "acknowledge", Remark("ana", NOW)))
    desk.book.list_incidents = lambda status=None: stale  # type: ignore[method-assign, assignment]
    desk.record(judged("year"), days_later(1))
    assert desk.events(incident_id) == ["detected", "paged", "acknowledged", "seen_again"]
    assert desk.book.get(incident_id).status == "acknowledged"


def test_a_later_window_without_the_cause_says_so_in_the_incidents_story() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    for _ in range(2):
        report = desk.record(judged(), days_later(1))
        assert report.cleared == (incident_id,)
        assert report.is_quiet
    assert desk.events(incident_id) == ["detected", "paged", "not_seen"]


def test_an_audit_that_failed_clears_nothing() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    blind = Judgement(audit="null_default_share", status="audit_failed", reason="late")
    report = desk.record([blind], days_later(1))
    assert report.cleared == ()
    assert report.unjudged == {"null_default_share": "late"}
    assert desk.events(incident_id) == ["detected", "paged"]


def test_a_failed_audit_is_itself_an_incident_and_does_not_silence_the_others() -> None:
    desk = Desk()
    failed = Judgement(
        audit="volume", status="audit_failed", error="Timeout", cause="query was late"
    )
    report = desk.record([failed, *judged("year")])
    found = {(i.component, i.subject, i.severity) for i in desk.book.list_incidents()}
    assert found == {("serving", "volume", "low"), ("item_features", "year", "high")}
    assert len(report.opened) == 2


def test_no_reference_yet_is_told_and_pages_nobody() -> None:
    desk = Desk()
    new = Judgement(audit="choice_rank", status="no_reference", reason="nothing yet")
    report = desk.record([new])
    assert report.is_quiet
    assert report.unjudged == {"choice_rank": "nothing yet"}


def test_an_incident_stays_far_below_what_a_table_row_holds() -> None:
    desk = Desk()
    big = judged("year")[0].model_copy(update={"sql": "S" * 4_000})
    many = [
        c.model_copy(update={"slice": {"genre": str(n)}}) for n in range(60) for c in big.findings
    ]
    [incident_id] = desk.record([big.model_copy(update={"findings": tuple(many)})]).opened
    incident: Incident = desk.book.get(incident_id)
    assert len(incident.findings) == 20
    assert sum("sql" in finding.evidence for finding in incident.findings) == 1
