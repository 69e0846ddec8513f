"""Turns the judgements of one run into incidents: decided, folded, written once, paged once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal

from recsysops.detection.catalogue import UNREADABLE_METRICS
from recsysops.detection.checks import Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.decide import decide_findings
from recsysops.detection.fold import FoundCause, fold_findings
from recsysops.detection.incidents import (
    add_entry,
    describe_cause,
    has_entry,
    join_incident,
    name_cause,
    open_incident,
)
from recsysops.detection.lifecycle import Told, comes_back, may_tell, owes_news
from recsysops.detection.matching import Belonging, Match, is_told_by, match_causes
from recsysops.detection.owned_metric import UnreadableMetric
from recsysops.detection.sightings import NOT_SEEN, SEEN_BEFORE
from recsysops.ports import IncidentBook, Notifier
from recsysops.vocabulary import Incident, IncidentStatus

_Outcome = Literal["opened", "continued", "renamed"]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What one run came to.

    opened: incidents first seen by this window (a repeat of the window names them again), and
    resolved ones whose cause came back soon.
    continued: incidents of earlier windows whose cause, or a symptom of it, is seen again.
    renamed: those that were opened for a symptom or a part, and have their cause's name now.
    cleared: unresolved incidents of earlier windows whose cause this window, fully judged, does
    not show. unjudged: audit → reason.
    """

    run_id: str
    tested: int
    alpha: float
    opened: tuple[str, ...]
    continued: tuple[str, ...]
    cleared: tuple[str, ...]
    unjudged: dict[str, str]
    renamed: tuple[str, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Nothing is wrong in this window."""
        return not self.opened and not self.continued and not self.renamed

    def to_document(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""
        return {**asdict(self), "quiet": self.is_quiet}


def record_incidents(
    judgements: Sequence[Judgement],
    *,
    context: AuditContext,
    incidents: IncidentBook,
    notifier: Notifier,
    now: datetime,
    machines: Notifier | None = None,
    unreadable: Sequence[UnreadableMetric] = UNREADABLE_METRICS,
) -> AuditReport:
    """Decide what raises an alarm, fold it into causes, and bring the incident book up to date.

    A cause whose incident is not resolved yet continues that incident and pages nobody again;
    so does one that makes, or is made by, what an open incident speaks of (detection.matching).
    One that comes back soon after it was resolved reopens it, and pages once a day at most; a
    window that began before then shows what was mended since, and only says so.
    Repeating a window changes nothing. What was opened or came back is written before anybody is
    paged, and marked afterwards: what a run owes and cannot send is sent by the next one. What
    people are paged about, `machines` are told. A declared metric whose file is `unreadable` could
    not be judged: runs over days say so.

    Raises: DependencyError.
    """
    if context.every != "hour":
        judgements = [*judgements, *(metric.judge() for metric in unreadable)]
    decision = decide_findings(judgements, context)
    causes = fold_findings(decision.findings)
    known = incidents.list_incidents()
    matches = match_causes(
        causes, known=known, comes_back=lambda one: comes_back(one, at=now), context=context
    )
    channels: dict[Told, Notifier] = {"paged": notifier}
    if machines is not None:
        channels["announced"] = machines
    book = _Book(incidents, channels, context, now)
    told: dict[_Outcome, list[str]] = {"opened": [], "continued": [], "renamed": []}
    for match in matches:
        outcome, incident_id = book.write(match)
        told[outcome].append(incident_id)
    cleared = [book.note(one, NOT_SEEN) for one in _silent(known, matches, judgements, context)]
    book.send_owed_news()
    return AuditReport(
        run_id=context.run_id,
        tested=decision.tested,
        alpha=decision.alpha,
        opened=tuple(told["opened"]),
        continued=tuple(told["continued"]),
        renamed=tuple(told["renamed"]),
        cleared=tuple(cleared),
        unjudged={one.audit: one.explain() for one in judgements if one.status != "judged"},
    )


@dataclass(frozen=True, slots=True)
class _Book:
    """Writes one run into the incident book."""

    incidents: IncidentBook
    channels: Mapping[Told, Notifier]
    context: AuditContext
    now: datetime

    def write(self, match: Match) -> tuple[_Outcome, str]:
        """Bring the book up to date with one match; say what became of its incident."""
        if match.incident is None:
            opened = open_incident(match.cause, self.context, now=self.now)
            self.incidents.put(opened)
            return "opened", opened.incident_id
        incident = match.incident
        outcome = self._go_on(match.belonging, incident, match.cause)
        for one in match.joined:
            self._change(one, partial(join_incident, home=incident.incident_id))
        return outcome, incident.incident_id

    def _go_on(self, belonging: Belonging, incident: Incident, cause: FoundCause) -> _Outcome:
        match belonging:
            case "repeat":
                return "opened"
            case "back":
                self._add(incident, "reopened", status="reopened")
                return "opened"
            case "past":
                self.note(incident, SEEN_BEFORE)
                return "continued"
            case "root":
                self.rename(incident, cause)
                return "renamed"
            case "symptom":
                self.note(incident, "symptom_seen", note=describe_cause(cause))
                return "continued"
            case _:
                self.note(incident, "seen_again")
                named = has_entry(incident, "cause_named", self.context)
                return "renamed" if named else "continued"

    def rename(self, incident: Incident, cause: FoundCause) -> None:
        """Give an incident its cause's name, and tell who knows of it, once a day at most.

        They are told first: should the book not take it, the repeat tells them twice, not never.
        """
        change = partial(name_cause, cause=cause)
        named = change(incident, context=self.context, at=self.now)
        told: list[Told] = [one for one in self.channels if may_tell(incident, one, at=self.now)]
        for one in told:
            self._publish(one, f"cause found: {named.title}", named)
        self._change(incident, change)
        for one in told:
            self._add(incident, one)

    def send_owed_news(self) -> None:
        """Tell about every incident that a run opened or reopened and nobody was told of.

        People first and all of it: trouble with the bus of machines must cost them no page, and
        no second one.
        """
        for told in self.channels:
            for incident in self.incidents.list_incidents():
                if owes_news(incident, told, at=self.now):
                    again = "again: " * (incident.status == "reopened")
                    self._publish(told, again + incident.title, incident)
                    self._add(incident, told)

    def _publish(self, told: Told, subject: str, incident: Incident) -> None:
        self.channels[told].publish(subject, _page(incident))

    def note(self, incident: Incident, event: str, *, note: str = "") -> str:
        told = (event, "reopened", "cause_named")
        if not any(has_entry(incident, one, self.context) for one in told):
            self._add(incident, event, note=note)
        return incident.incident_id

    def _add(
        self,
        incident: Incident,
        event: str,
        *,
        status: IncidentStatus | None = None,
        note: str = "",
    ) -> Incident:
        """Add a line to the story as it is now: people and diagnosis write there too."""

        def add(fresh: Incident, context: AuditContext, *, at: datetime) -> Incident:
            told = add_entry(fresh, event, context, at=at, note=note)
            return replace(told, status=status or fresh.status)

        return self._change(incident, add)

    def _change(self, incident: Incident, change: Callable[..., Incident]) -> Incident:
        return self.incidents.update(
            incident.incident_id, lambda fresh: change(fresh, context=self.context, at=self.now)
        )


def _silent(
    known: Sequence[Incident],
    matches: Sequence[Match],
    judgements: Sequence[Judgement],
    context: AuditContext,
) -> list[Incident]:
    """Return incidents of earlier windows whose audit judged this window and found nothing."""
    judged = {one.audit for one in judgements if one.status == "judged"}
    told = {incident_id for match in matches for incident_id in match.incident_ids}
    found = [finding for match in matches for finding in match.cause.findings]
    return [
        incident
        for incident in known
        if incident.status != "resolved"
        and incident.incident_id not in told
        and incident.window.end <= context.window_start
        and incident.findings
        and incident.findings[0].audit in judged
        and not any(is_told_by(incident, finding) for finding in found)
    ]


def _page(incident: Incident) -> dict[str, object]:
    return {
        "incident_id": incident.incident_id,
        "status": incident.status,
        "severity": incident.severity,
        "component": incident.component,
        "subject": incident.subject,
        "title": incident.title,
        "window_start": incident.window.start.isoformat(),
        "window_end": incident.window.end.isoformat(),
        "affected": dict(incident.affected),
        "findings": len(incident.findings),
    }
