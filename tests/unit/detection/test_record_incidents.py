"""The incident book after a run: written once, paged once, continued, cleared."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier
from recsysops.detection.checks import CheckDocument, Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.lifecycle import Remark, move_incident
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
        self.now = NOW

    def record(self, judgements: list[Judgement], asked: AuditContext | None = None) -> AuditReport:
        return record_incidents(
            judgements,
            context=asked or context(),
            incidents=self.book,
            notifier=self.pager,
            now=self.now,
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


def test_what_flaps_pages_once_a_day() -> None:
    desk = Desk()
    [incident_id] = desk.record(judged("year")).opened
    for day in range(1, 4):
        resolved_at(desk, incident_id, 3 * day)
        desk.now = NOW + timedelta(hours=3 * day + 1)
        desk.record(judged("year"), days_later(day))
    assert desk.events(incident_id).count("reopened") == 3
    assert len(desk.pager.messages) == 1


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
