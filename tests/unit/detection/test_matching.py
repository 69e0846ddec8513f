"""One cause is one incident across runs: whoever saw it first, at whatever length of window."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier
from recsysops.detection.catalogue import find_audit
from recsysops.detection.checks import CheckDocument, Judgement
from recsysops.detection.context import AuditContext, make_context
from recsysops.detection.lifecycle import Remark, move_incident
from recsysops.detection.places import covers, is_same_place, moved_share, place_of
from recsysops.vocabulary import Finding, Incident, IncidentStatus, Window
from recsysops.workflows.record_incidents import AuditReport, record_incidents

from tests.unit.detection.distributions import DAY, START

HOUR = timedelta(hours=1)
Slice = dict[str, str]


def hour_of(place: int, *, revision: int = 0) -> AuditContext:
    window = Window(START + place * HOUR, START + (place + 1) * HOUR)
    reference = Window(window.start - DAY, window.end - DAY)
    return make_context(window=window, reference=reference, revision=revision)


def day_of(place: int) -> AuditContext:
    window = Window(START + place * DAY, START + (place + 1) * DAY)
    return make_context(window=window, reference=Window(window.start - DAY, window.end - DAY))


def said(
    audit: str,
    metric: str,
    subject: str,
    *,
    slice_: Slice | None = None,
    change: float = -0.3,
    effect: float = 2.0,
    share: float = 1.0,
) -> Judgement:
    found = CheckDocument(
        metric=metric,
        subject=subject,
        slice=slice_ or {},
        baseline=0.5,
        observed=0.5 + change,
        effect=effect,
        effect_floor=0.05,
        p_value=1e-30,
        nested=bool(slice_),
        evidence={"share_of_window": share},
    )
    wholes, slices = (0, 1) if slice_ else (1, 0)
    return Judgement(
        audit=audit,
        status="judged",
        tested_wholes=wholes,
        tested_slices=slices,
        findings=(found,),
    )


def fewer_requests(**place: str) -> Judgement:
    if not place:
        return said("volume", "requests", "requests")
    return said("volume", "request_share", "requests", slice_=place)


def lost_lines(**place: str) -> Judgement:
    return said("log_loss", "full_without_slim_share", "slim_requests", slice_=place, change=0.3)


def turned_clock(**place: str) -> Judgement:
    return said("event_clock", "clock_shift", "event_time", slice_=place)


def quiet(*audits: str) -> list[Judgement]:
    return [Judgement(audit=name, status="judged", tested_wholes=1) for name in audits]


class Desk:
    """A book and a pager, and runs over hours and days."""

    def __init__(self) -> None:
        self.book, self.pager = MemoryIncidents(), MemoryNotifier()

    def run(self, context: AuditContext, *judgements: Judgement) -> AuditReport:
        return record_incidents(
            judgements,
            context=context,
            incidents=self.book,
            notifier=self.pager,
            now=context.window_end,
        )

    def open(self) -> list[Incident]:
        return [one for one in self.book.list_incidents() if one.status != "resolved"]

    def names(self) -> list[tuple[str, str]]:
        return sorted((one.component, one.subject) for one in self.open())

    def events(self, incident_id: str) -> list[str]:
        return [line["event"] for line in self.book.get(incident_id).timeline]


def test_the_days_cause_takes_over_the_incident_of_the_hours_symptom() -> None:
    desk = Desk()
    [symptom] = desk.run(hour_of(3), fewer_requests()).opened
    report = desk.run(day_of(0), lost_lines())
    assert (report.opened, report.renamed) == ((), (symptom,))
    [incident] = desk.open()
    assert (incident.incident_id, incident.component, incident.subject) == (
        symptom, "log", "slim_requests",
    )  # fmt: skip
    assert incident.title.startswith("slim_requests lost lines")
    assert [finding.audit for finding in incident.findings] == ["log_loss", "volume"]
    assert incident.window == day_of(0).window
    assert incident.severity == "critical", "nobody was told that it got better"
    named = incident.timeline[-1]
    assert (named["event"], named["note"]) == ("cause_named", "before: requests: 0.5 → 0.2")
    assert len(desk.pager.messages) == 1, "paged by the hour, renamed within a day"


def test_a_cause_that_is_found_days_after_its_symptom_pages_once_more() -> None:
    desk = Desk()
    desk.run(hour_of(3), fewer_requests())
    desk.run(hour_of(50), fewer_requests())
    [renamed] = desk.run(day_of(2), lost_lines()).renamed
    assert desk.pager.messages[-1][0].startswith("cause found: slim_requests lost lines")
    assert desk.events(renamed) == ["detected", "paged", "seen_again", "cause_named", "paged"]


@pytest.mark.parametrize("status", ["acknowledged", "mitigated"])
def test_what_people_did_with_the_symptom_stays_with_its_cause(status: IncidentStatus) -> None:
    desk = Desk()
    [symptom] = desk.run(hour_of(3), fewer_requests()).opened
    desk.book.put(
        replace(desk.book.get(symptom), status=status, links=({"url": "t-1", "state": "planned"},))
    )
    desk.run(day_of(0), lost_lines())
    incident = desk.book.get(symptom)
    assert (incident.component, incident.status) == ("log", status)
    assert incident.links == ({"url": "t-1", "state": "planned"},)


def test_a_diagnosis_of_the_symptom_is_no_diagnosis_of_the_cause() -> None:
    desk = Desk()
    [symptom] = desk.run(hour_of(3), fewer_requests()).opened
    desk.book.put(replace(desk.book.get(symptom), diagnosis={"verdict": "serving"}))
    desk.run(day_of(0), lost_lines())
    assert desk.book.get(symptom).diagnosis is None


def test_a_symptom_that_somebody_resolved_is_left_alone() -> None:
    desk = Desk()
    [symptom] = desk.run(hour_of(3), fewer_requests()).opened
    desk.book.update(
        symptom, lambda one: move_incident(one, "resolve", Remark("ana", START + 5 * HOUR))
    )
    [cause] = desk.run(day_of(0), lost_lines()).opened
    assert cause != symptom
    assert desk.book.get(symptom).component == "traffic"


def test_a_symptom_that_was_over_before_the_cause_began_stays_apart() -> None:
    desk = Desk()
    desk.run(hour_of(3), fewer_requests())
    desk.run(day_of(1), lost_lines())
    assert desk.names() == [("log", "slim_requests"), ("traffic", "requests")]


def test_judging_the_day_again_changes_nothing_and_says_the_same() -> None:
    desk = Desk()
    desk.run(hour_of(3), fewer_requests())
    first = desk.run(day_of(0), lost_lines())
    before = desk.book.list_incidents()
    assert desk.run(day_of(0), lost_lines()).renamed == first.renamed
    assert desk.run(hour_of(3, revision=1), fewer_requests()).opened == first.renamed
    assert desk.book.list_incidents() == before


def test_a_symptom_joins_the_cause_that_was_there_first() -> None:
    desk = Desk()
    [fallbacks] = desk.run(hour_of(3), said("fallback_share", "fallback_share", "throttled")).opened
    report = desk.run(day_of(0), said("latency", "latency_shift", "latency_ms"))
    assert (report.opened, report.continued) == ((), (fallbacks,))
    assert desk.names() == [("serving", "throttled")]
    assert desk.events(fallbacks)[-1] == "symptom_seen"
    assert len(desk.pager.messages) == 1


def test_the_next_days_hour_shows_a_known_symptom_and_opens_nothing() -> None:
    desk = Desk()
    desk.run(hour_of(3), fewer_requests())
    [cause] = desk.run(day_of(0), lost_lines()).renamed
    assert desk.run(hour_of(27), fewer_requests()).continued == (cause,)
    assert desk.names() == [("log", "slim_requests")]
    assert len(desk.pager.messages) == 1


def test_a_symptom_that_the_cause_never_showed_or_that_got_much_larger_is_news() -> None:
    unseen, larger = Desk(), Desk()
    unseen.run(day_of(0), lost_lines())
    assert len(unseen.run(hour_of(27), fewer_requests()).opened) == 1
    larger.run(hour_of(3), fewer_requests())
    larger.run(day_of(0), lost_lines())
    outage = said("volume", "requests", "requests", effect=5.0)
    assert len(larger.run(hour_of(27), outage).opened) == 1


def test_a_cause_that_was_gone_when_last_looked_for_makes_no_symptom() -> None:
    desk = Desk()
    desk.run(hour_of(3), fewer_requests())
    desk.run(day_of(0), lost_lines())
    desk.run(day_of(1), *quiet("log_loss"))
    assert len(desk.run(hour_of(51), fewer_requests()).opened) == 1


def test_what_may_come_of_anything_comes_of_what_was_there_most_of_the_day() -> None:
    choices = said("choice_rank", "mean_rank_percentile", "choice_rank", change=0.2)
    storm = said("fallback_share", "fallback_share", "throttled")
    short, long = Desk(), Desk()
    short.run(hour_of(3), storm)
    for hour in range(13):
        long.run(hour_of(hour), storm)
    assert len(short.run(day_of(0), choices).opened) == 1
    assert long.run(day_of(0), choices).opened == ()


def test_two_incidents_of_one_cause_become_one_and_the_other_says_where_it_went() -> None:
    desk = Desk()
    [de] = desk.run(hour_of(3), fewer_requests(country="DE")).opened
    [fr] = desk.run(hour_of(4), fewer_requests(country="FR")).opened
    assert desk.run(day_of(0), lost_lines()).renamed == (de,)
    assert [one.incident_id for one in desk.open()] == [de]
    joined = desk.book.get(fr)
    assert joined.status == "resolved"
    assert joined.timeline[-1]["note"] == f"its cause is that of {de}"


def test_a_symptom_elsewhere_is_no_symptom_of_this_cause() -> None:
    desk = Desk()
    desk.run(hour_of(3), fewer_requests(country="DE"))
    desk.run(day_of(0), turned_clock(country="FR"))
    assert desk.names() == [("log", "event_time"), ("traffic", "requests")]
    desk.run(day_of(0), turned_clock(country="DE"), turned_clock(country="FR"))
    assert ("traffic", "requests") not in desk.names()


def test_a_cause_takes_over_what_any_of_its_own_findings_explains() -> None:
    desk = Desk()
    [symptom] = desk.run(hour_of(3), fewer_requests(country="DE")).opened
    early = said("event_clock", "early_feedback_share", "event_time", change=0.1)
    assert desk.run(day_of(0), early, turned_clock(country="DE")).renamed == (symptom,)
    assert desk.book.get(symptom).findings[0].metric == "early_feedback_share"


def test_a_countrys_incident_hides_no_surfaces_and_no_other_countrys() -> None:
    desk = Desk()
    [de] = desk.run(hour_of(3), fewer_requests(country="DE")).opened
    [home] = desk.run(hour_of(4), fewer_requests(surface="home")).opened
    [fr] = desk.run(hour_of(5), fewer_requests(country="FR")).opened
    assert len({de, home, fr}) == 3
    assert len(desk.pager.messages) == 3
    assert desk.run(hour_of(6), fewer_requests(country="DE")).continued == (de,)


def test_two_places_in_one_window_each_go_on_where_they_are_known() -> None:
    desk = Desk()
    [de] = desk.run(hour_of(3), fewer_requests(country="DE")).opened
    small = said("volume", "request_share", "requests", slice_={"country": "DE"}, change=-0.05)
    large = said("volume", "request_share", "requests", slice_={"surface": "home"}, change=-0.4)
    report = desk.run(hour_of(4), small, large)
    assert report.continued == (de,)
    [home] = report.opened
    assert desk.book.get(home).findings[0].slice == {"surface": "home"}
    assert desk.run(hour_of(5), small, large).continued == (de, home)


def test_what_mirrors_a_known_change_opens_nothing() -> None:
    desk = Desk()
    [de] = desk.run(hour_of(3), fewer_requests(country="DE")).opened
    gone = said("volume", "request_share", "requests", slice_={"country": "DE"}, change=-0.2)
    more = said("volume", "request_share", "requests", slice_={"country": "FR"}, change=0.15)
    assert desk.run(hour_of(4), gone, more).continued == (de,)
    assert len(desk.open()) == 1


def test_a_global_change_takes_over_the_incidents_of_its_slices() -> None:
    desk = Desk()
    [de] = desk.run(hour_of(3), fewer_requests(country="DE")).opened
    desk.run(hour_of(4), fewer_requests(country="FR"))
    report = desk.run(hour_of(5), fewer_requests())
    assert report.renamed == (de,)
    [incident] = desk.open()
    assert incident.findings[0].slice == {}
    assert desk.run(hour_of(6), fewer_requests(country="FR")).continued == (de,)


def test_a_place_within_a_known_one_is_the_same_incident() -> None:
    desk = Desk()
    [everywhere] = desk.run(hour_of(3), fewer_requests()).opened
    assert desk.run(hour_of(4), fewer_requests(country="DE")).continued == (everywhere,)
    assert desk.book.get(everywhere).findings[0].slice == {}


def test_what_is_folded_under_another_cause_is_not_told_as_gone() -> None:
    desk = Desk()
    choices = said("choice_rank", "mean_rank_percentile", "choice_rank", change=0.2)
    [ranks] = desk.run(day_of(0), choices).opened
    price = said("null_default_share", "null_share", "price", change=0.2)
    assert desk.run(day_of(1), choices, price).cleared == ()
    assert desk.events(ranks) == ["detected", "paged"]


def test_blind_runs_of_another_length_keep_the_incidents_name() -> None:
    desk = Desk()
    down = Judgement(audit="volume", status="audit_failed", reason="Athena is down")
    [blind] = desk.run(hour_of(3), down).opened
    also = down.model_copy(update={"audit": "day_volume"})
    assert desk.run(day_of(0), also).continued == (blind,)
    assert desk.book.get(blind).subject == "volume"


def finding(slice_: Slice, *, subject: str = "requests", **evidence: object) -> Finding:
    audit = find_audit("volume")
    return Finding(
        audit=audit.name,
        finding_id="f",
        component="traffic",
        metric="null_share",
        subject=subject,
        slice=slice_,
        baseline=0.1,
        observed=0.3,
        effect=1.0,
        effect_floor=0.1,
        p_value=0.0,
        alarm=True,
        evidence=evidence,
    )


def test_neither_the_hour_nor_the_subject_itself_is_a_place() -> None:
    assert place_of(finding({"hour": "Monday 03:00"})) == {}
    assert place_of(finding({"language": "ja", "source": "s-1"}, subject="language")) == {
        "source": "s-1"
    }
    assert place_of(finding({"country": "DE"}, subject="slim_requests.country")) == {}
    assert moved_share(finding({}, share_of_window=0.25)) == pytest.approx(0.05)


PLACES = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)


@given(one=PLACES, other=PLACES)
def test_places_are_the_same_when_one_holds_the_other(one: Slice, other: Slice) -> None:
    assert is_same_place(one, other) == is_same_place(other, one)
    assert covers({}, one)
    assert covers(one, {**other, **one})
    if covers(one, other) and covers(other, one):
        assert one == other
