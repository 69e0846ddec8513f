"""Which past incidents an incident resembles, and how those ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from recsysops.vocabulary import Incident

KEPT_INCIDENTS = 5
_LEAST_LIKENESS = 0.25
_WEIGHTS = {"component": 0.2, "subject": 0.3, "slices": 0.25, "checks": 0.25}
_ENDINGS = ("resolved", "mitigated", "fix_landed", "hotfix_deployed")


@dataclass(frozen=True, slots=True)
class SimilarIncident:
    """A past incident, how alike it is (0 to 1), and what is written about how it ended."""

    incident_id: str
    title: str
    status: str
    likeness: float
    ended: str


def find_similar(incident: Incident, past: Iterable[Incident]) -> list[SimilarIncident]:
    """Return the past incidents most alike, by component, subject, slices and what alarmed."""
    earlier = [
        one
        for one in past
        if one.incident_id != incident.incident_id and one.detected_at <= incident.detected_at
    ]
    scored = [(likeness(incident, one), one) for one in earlier]
    alike = [pair for pair in scored if pair[0] >= _LEAST_LIKENESS]
    alike.sort(key=lambda pair: (-pair[0], pair[1].incident_id))
    return [
        SimilarIncident(one.incident_id, one.title, one.status, round(score, 3), _ending(one))
        for score, one in alike[:KEPT_INCIDENTS]
    ]


def likeness(one: Incident, other: Incident) -> float:
    """Return how alike two incidents are, 0 to 1; the slices of none count as alike."""
    parts = {
        "component": float(one.component == other.component),
        "subject": float((one.component, one.subject) == (other.component, other.subject)),
        "slices": _overlap(_slices(one), _slices(other)),
        "checks": _overlap(_checks(one), _checks(other)),
    }
    return sum(_WEIGHTS[name] * part for name, part in parts.items())


def _slices(incident: Incident) -> set[tuple[str, str]]:
    return {pair for finding in incident.findings for pair in finding.slice.items()}


def _checks(incident: Incident) -> set[tuple[str, str]]:
    return {(finding.audit, finding.metric) for finding in incident.findings}


def _overlap(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0


def _ending(incident: Incident) -> str:
    lines = [line for line in incident.timeline if line.get("event") in _ENDINGS]
    if not lines:
        return "nothing is written about how it ended"
    last = lines[-1]
    said = last.get("note") or last.get("url") or ""
    return f"{last['event']}: {said}".strip(": ")
