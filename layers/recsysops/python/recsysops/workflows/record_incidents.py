"""Turns the judgements of one run into incidents: decided, folded, written once, paged once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from recsysops.detection.checks import Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.decide import decide_findings
from recsysops.detection.fold import FoundCause, fold_findings
from recsysops.detection.incidents import (
    add_entry,
    has_entry,
    incident_id_of,
    is_same_cause,
    open_incident,
)
from recsysops.detection.lifecycle import comes_back, may_page
from recsysops.ports import IncidentBook, Notifier
from recsysops.vocabulary import Incident, IncidentStatus


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What one run came to.

    opened: incidents first seen by this window (a repeat of the window names them again), and
    resolved ones whose cause came back soon.
    continued: incidents of earlier windows whose cause is seen again. cleared: unresolved
    incidents of earlier windows whose cause this window, fully judged, does not show.
    unjudged: audit → reason.
    """

    run_id: str
    tested: int
    alpha: float
    opened: tuple[str, ...]
    continued: tuple[str, ...]
    cleared: tuple[str, ...]
    unjudged: dict[str, str]

    @property
    def is_quiet(self) -> bool:
        """Nothing is wrong in this window."""
        return not self.opened and not self.continued

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
) -> AuditReport:
    """Decide what raises an alarm, fold it into causes, and bring the incident book up to date.

    A cause whose incident is not resolved yet continues that incident and pages nobody again;
    one that comes back soon after it was resolved reopens it, and pages once a day at most.
    Repeating a window changes nothing. An incident is written before it is paged, and marked
    afterwards: who dies in between pages on the repeat.

    Raises: DependencyError.
    """
    decision = decide_findings(judgements, context)
    causes = fold_findings(decision.findings)
    known = incidents.list_incidents()
    unresolved = [one for one in known if one.status != "resolved"]
    resolved = [one for one in known if comes_back(one, at=now)]
    book = _Book(incidents, notifier, context, now, {one.incident_id: one for one in known})
    opened, continued = [], []
    for cause in causes:
        if earlier := _earlier_incident(cause, unresolved, context):
            continued.append(book.note(earlier, "seen_again"))
        elif back := _earlier_incident(cause, resolved, context):
            opened.append(book.reopen(back))
        else:
            opened.append(book.open(cause))
    silent = _silent(unresolved, causes, judgements, context)
    return AuditReport(
        run_id=context.run_id,
        tested=decision.tested,
        alpha=decision.alpha,
        opened=tuple(opened),
        continued=tuple(continued),
        cleared=tuple(book.note(one, "not_seen") for one in silent),
        unjudged={one.audit: one.explain() for one in judgements if one.status != "judged"},
    )


@dataclass(frozen=True, slots=True)
class _Book:
    """Writes one run into the incident book."""

    incidents: IncidentBook
    notifier: Notifier
    context: AuditContext
    now: datetime
    known: Mapping[str, Incident]

    def open(self, cause: FoundCause) -> str:
        incident = open_incident(cause, self.context, now=self.now)
        known = self.known.get(incident.incident_id)
        if known is None:
            self.incidents.put(incident)
        written = known or incident
        if not any(entry.get("event") == "paged" for entry in written.timeline):
            self.notifier.publish(written.title, _page(written))
            self._add(written.incident_id, "paged")
        return written.incident_id

    def reopen(self, incident: Incident) -> str:
        reopened = self._add(incident.incident_id, "reopened", status="reopened")
        if may_page(incident, at=self.now):
            self.notifier.publish(f"again: {incident.title}", _page(reopened))
            self._add(incident.incident_id, "paged")
        return incident.incident_id

    def note(self, incident: Incident, event: str) -> str:
        if not any(has_entry(incident, one, self.context) for one in (event, "reopened")):
            self._add(incident.incident_id, event)
        return incident.incident_id

    def _add(
        self, incident_id: str, event: str, *, status: IncidentStatus | None = None
    ) -> Incident:
        """Add a line to the story as it is now: people and diagnosis write there too."""

        def add(fresh: Incident) -> Incident:
            told = add_entry(fresh, event, self.context, at=self.now)
            return replace(told, status=status or fresh.status)

        return self.incidents.update(incident_id, add)


def _earlier_incident(
    cause: FoundCause, known: Sequence[Incident], context: AuditContext
) -> Incident | None:
    """Return the unresolved incident of another window that has the same cause."""
    own = incident_id_of(cause, context)
    return next((i for i in known if is_same_cause(i, cause) and i.incident_id != own), None)


def _silent(
    known: Sequence[Incident],
    causes: Sequence[FoundCause],
    judgements: Sequence[Judgement],
    context: AuditContext,
) -> list[Incident]:
    """Return incidents of earlier windows whose audit judged this window and found nothing."""
    judged = {one.audit for one in judgements if one.status == "judged"}
    return [
        incident
        for incident in known
        if incident.window.end <= context.window_start
        and not any(is_same_cause(incident, cause) for cause in causes)
        and incident.findings
        and incident.findings[0].audit in judged
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
