"""The states of an incident, who may move it from one to the next, and when it comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from recsysops.errors import BadInput, ConflictError
from recsysops.vocabulary import Incident, IncidentStatus

Act = Literal["acknowledge", "mitigate", "resolve", "reopen"]

Told = Literal["paged", "announced"]
"""Events of a story: people were told, machines were."""

REOPEN_WITHIN: Final = timedelta(days=7)
"""A cause that is seen again this soon after it was resolved is the same incident."""
PAGE_AGAIN_AFTER: Final = timedelta(hours=24)
"""What flaps pages once a day at most."""

_CALLS: Final = ("detected", "reopened")
"""Events of a story that are news."""

_MOVES: Final[Mapping[Act, tuple[tuple[IncidentStatus, ...], IncidentStatus]]] = {
    "acknowledge": (("open", "reopened"), "acknowledged"),
    "mitigate": (("open", "reopened", "acknowledged"), "mitigated"),
    "resolve": (("open", "reopened", "acknowledged", "mitigated"), "resolved"),
    "reopen": (("resolved", "mitigated"), "reopened"),
}


@dataclass(frozen=True, slots=True)
class Remark:
    """Who did something, when, and what they say about it."""

    by: str
    at: datetime
    note: str = ""

    def to_line(self, event: str) -> Mapping[str, str]:
        """Return a line of an incident's timeline."""
        return {"at": self.at.isoformat(), "event": event, "by": self.by, "note": self.note}


def move_incident(incident: Incident, act: Act, remark: Remark) -> Incident:
    """Return the incident after a person's act.

    Raises: ConflictError when its state does not allow it; a mitigated incident is resolved only
    after a long-term fix that is linked has landed.
    """
    origins, target = _MOVES[act]
    if incident.status not in origins:
        raise ConflictError(
            f"{incident.incident_id} is {incident.status}; only an incident that is "
            f"{' or '.join(origins)} can be {target}"
        )
    if act == "resolve" and incident.status == "mitigated" and not has_landed_fix(incident):
        raise ConflictError(
            f"{incident.incident_id} is mitigated, not mended: link the long-term fix that has "
            f"landed first ('recsysops incidents link {incident.incident_id} URL --landed')"
        )
    timeline = (*incident.timeline, remark.to_line(target))
    return replace(incident, status=target, timeline=timeline)


def link_fix(incident: Incident, url: str, remark: Remark, *, landed: bool) -> Incident:
    """Link a long-term fix, or say that a linked one has landed.

    Raises: BadInput when the link is no http(s) address or ticket of at most 500 characters.
    """
    if not 0 < len(url) <= 500 or any(mark.isspace() for mark in url):
        raise BadInput(f"a link has no spaces and at most 500 characters, not {url!r:.60}")
    others = tuple(link for link in incident.links if link["url"] != url)
    link = {"url": url, "state": "landed" if landed else "planned"}
    line = {**remark.to_line("fix_landed" if landed else "fix_linked"), "url": url}
    return replace(incident, links=(*others, link), timeline=(*incident.timeline, line))


def has_landed_fix(incident: Incident) -> bool:
    """Tell whether a linked long-term fix has landed."""
    return any(link["state"] == "landed" for link in incident.links)


def comes_back(incident: Incident, *, at: datetime) -> bool:
    """Tell whether a cause seen at a moment reopens its resolved incident."""
    resolved = last_moment(incident, "resolved")
    return incident.status == "resolved" and resolved is not None and at - resolved <= REOPEN_WITHIN


def was_resolved_since(incident: Incident, moment: datetime) -> bool:
    """Tell whether an incident was resolved after a moment: what was seen then is no news."""
    resolved = last_moment(incident, "resolved")
    return resolved is not None and resolved > moment


def owes_news(incident: Incident, told: Told, *, at: datetime) -> bool:
    """Tell whether a run opened or reopened an incident and nobody was told since.

    The story tells, so that news which could not be sent, or had to wait for the day to pass, is
    sent by whatever run comes next. Who acknowledged it, or reopened it by hand, knows.
    """
    if incident.status not in ("open", "reopened"):
        return False
    events = [line for line in incident.timeline if line.get("event") in (*_CALLS, told)]
    return (
        bool(events)
        and events[-1]["event"] != told
        and "by" not in events[-1]
        and may_tell(incident, told, at=at)
    )


def may_tell(incident: Incident, told: Told, *, at: datetime) -> bool:
    """Tell whether people may be paged, or machines told, about an incident again."""
    last = last_moment(incident, told)
    return last is None or at - last > PAGE_AGAIN_AFTER


def last_moment(incident: Incident, event: str) -> datetime | None:
    """Return when an event last stood in the incident's story."""
    moments = [line["at"] for line in incident.timeline if line.get("event") == event]
    return datetime.fromisoformat(moments[-1]) if moments else None
