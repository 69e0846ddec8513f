"""Writes into an incident's story what people did about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from recsysops.detection.lifecycle import Act, Remark, link_fix, move_incident
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
    line = {"at": at.isoformat(), "event": event, "note": note}

    def add(incident: Incident) -> Incident:
        timeline = (*incident.timeline, line)
        return replace(incident, status=status or incident.status, timeline=timeline)

    return incidents.update(incident_id, add)


def act_on_incident(
    incident_id: str, act: Act, remark: Remark, *, incidents: IncidentBook
) -> Incident:
    """Acknowledge, mitigate, resolve or reopen an incident.

    Raises: NotFound, ConflictError when its state does not allow it, DependencyError.
    """
    return incidents.update(incident_id, lambda found: move_incident(found, act, remark))


def link_to_incident(
    incident_id: str, url: str, remark: Remark, *, landed: bool, incidents: IncidentBook
) -> Incident:
    """Link a long-term fix to an incident, or say that it has landed.

    Raises: NotFound, BadInput, ConflictError, DependencyError.
    """
    return incidents.update(incident_id, lambda found: link_fix(found, url, remark, landed=landed))


def keep_diagnosis(
    incident_id: str, diagnosis: Mapping[str, object], *, at: datetime, incidents: IncidentBook
) -> Incident:
    """Write a diagnosis into the incident, where the hotfix menu finds it.

    What it says of the members and requests affected joins what the audit knew.
    Raises: NotFound, ConflictError, DependencyError.
    """
    document = json.loads(json.dumps(diagnosis, default=str))
    line = {"at": at.isoformat(), "event": "diagnosed"}

    def add(incident: Incident) -> Incident:
        affected = {**incident.affected, **document.get("affected", {})}
        timeline = (*incident.timeline, line)
        return replace(incident, diagnosis=document, affected=affected, timeline=timeline)

    return incidents.update(incident_id, add)
