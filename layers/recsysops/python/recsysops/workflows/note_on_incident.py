"""Writes into an incident's story what people did about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from recsysops.ports import IncidentBook
from recsysops.vocabulary import Incident, IncidentStatus


def note_on_incident(
    incident_id: str,
    *,
    incidents: IncidentBook,
    event: str,
    note: str,
    at: datetime,
    status: IncidentStatus | None = None,
) -> Incident:
    """Add a line to an incident's timeline, and change its status when one is given.

    Raises: NotFound, DependencyError.
    """
    incident = incidents.get(incident_id)
    line = {"at": at.isoformat(), "event": event, "note": note}
    changed = replace(
        incident, status=status or incident.status, timeline=(*incident.timeline, line)
    )
    incidents.put(changed)
    return changed
