"""When an incident's cause was there: the windows that its story says it was seen in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from recsysops.detection.context import AuditContext
from recsysops.request_log.moments import sql_timestamp
from recsysops.vocabulary import Incident, Window

SEEN_AS: Final = ("detected", "seen_again", "reopened", "cause_named", "symptom_seen")
"""Events of a story that say that the cause was there in their window."""
NOT_SEEN: Final = "not_seen"
SEEN_BEFORE: Final = "seen_before_it_was_resolved"
PASSING: Final = ("seen_again", "symptom_seen", NOT_SEEN, SEEN_BEFORE)
"""Events that every judgement may add, however long an incident lives."""


def judged_window(context: AuditContext) -> str:
    """Name a judgement of a window: the same for a repeat, another for a later revision."""
    start, end = sql_timestamp(context.window_start), sql_timestamp(context.window_end)
    return f"{start} to {end}, revision {context.revision}"


def read_judged_window(name: str) -> Window:
    """Read the window back from the name of its judgement. Raises: ValueError."""
    start, _, rest = name.partition(" to ")
    return Window(_moment(start), _moment(rest.partition(",")[0]))


def seen_share(incident: Incident, context: AuditContext) -> float:
    """Return for how much of a run's window, 0 to 1, the cause is known to have been there."""
    start, end = context.window_start, context.window_end
    seen, reached = timedelta(), start
    for window in sorted(_sightings(incident), key=lambda one: one.start):
        begin, stop = max(window.start, reached), min(window.end, end)
        seen += max(stop - begin, timedelta())
        reached = max(reached, stop)
    return seen / (end - start)


def was_seen_last(incident: Incident) -> bool:
    """Tell whether the newest word of the story about the cause is that it is there."""
    told = [line["event"] for line in incident.timeline if _is_word(line)]
    return bool(told) and told[-1] != NOT_SEEN


def _sightings(incident: Incident) -> Iterator[Window]:
    yield incident.window
    for line in incident.timeline:
        if line.get("event") in SEEN_AS and line.get("window"):
            yield read_judged_window(line["window"])


def _is_word(line: Mapping[str, str]) -> bool:
    return line.get("event") in (*SEEN_AS, NOT_SEEN) and "window" in line


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
