"""Starts the audit of every window that has become due, under names that are taken once.

A run that failed leaves its window due and its name taken: the next tick starts it under the next
of a few names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from recsysops.detection.schedule import LATENESS, DueWindow, find_due, find_watermark
from recsysops.ports import QueryEngine
from recsysops.request_log.sql import render_sql, utc_day
from recsysops.workflows.keep_progress import ProgressStore

StartRun = Callable[[str, Mapping[str, object]], bool]
"""Start a run under a name; True, and no second run, while one of the same name and input runs;
False when that one has ended. So StartExecution of a standard workflow answers; the emulator says
False at once, but starts nothing by a clock."""

ATTEMPTS = 3
"""Runs of one window; the alarm on failed executions has paged about each."""

_NEWEST = """
SELECT max(event_time) AS newest
FROM slim_requests
WHERE dt >= {first_day} AND event_time < {now}"""


@dataclass(frozen=True, slots=True)
class StartedAudits:
    """The watermark, and the names of runs that were started now, still run or just ended well.

    given_up: due windows whose runs have all failed; a person must look.
    """

    watermark: datetime
    started: tuple[str, ...]
    given_up: tuple[str, ...] = ()

    def to_document(self) -> dict[str, object]:
        """Return it as JSON-ready values."""
        return {
            "watermark": self.watermark.isoformat(),
            "started": list(self.started),
            "given_up": list(self.given_up),
        }


def start_due_audits(
    *, queries: QueryEngine, progress: ProgressStore, start: StartRun, now: datetime
) -> StartedAudits:
    """Find what is due by event time and start it; a second call starts nothing beside it.

    Raises: DependencyError, BadData.
    """
    watermark = _ask_watermark(queries, now=now)

    def is_due(one: DueWindow) -> bool:
        return one in find_due(progress.load(), watermark=watermark)

    started: list[str] = []
    given_up: list[str] = []
    for one in find_due(progress.load(), watermark=watermark):
        name = _start(one, start=start, is_due=is_due)
        (started if name else given_up).append(name or one.name)
    return StartedAudits(watermark, tuple(started), tuple(given_up))


def _ask_watermark(queries: QueryEngine, *, now: datetime) -> datetime:
    asked = render_sql(_NEWEST, first_day=utc_day(now - LATENESS), now=now)
    [row] = queries.run(asked)
    newest = row["newest"]
    return find_watermark(newest if isinstance(newest, datetime) else None, now=now)


def _start(one: DueWindow, *, start: StartRun, is_due: Callable[[DueWindow], bool]) -> str | None:
    """Start the next attempt at a window; return its name, None when all have failed.

    The names are tried in order, so an attempt that still runs answers before the next is begun:
    no clock has to guess how long a run may take. One that has ended may have ended well since
    progress was read: then that one is the answer.
    """
    names = (one.name, *(f"{one.name}-a{attempt}" for attempt in range(1, ATTEMPTS)))
    return next((name for name in names if start(name, one.to_document()) or not is_due(one)), None)
