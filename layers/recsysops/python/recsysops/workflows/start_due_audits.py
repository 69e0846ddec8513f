"""Starts the audit of every window that has become due, each under a name that is taken once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from recsysops.detection.schedule import LATENESS, DueWindow, find_due, find_watermark
from recsysops.ports import QueryEngine
from recsysops.request_log.sql import render_sql, utc_day
from recsysops.workflows.keep_progress import ProgressStore

StartRun = Callable[[str, Mapping[str, object]], bool]
"""Start a run under a name; False when the name is taken."""

_NEWEST = """
SELECT max(event_time) AS newest
FROM slim_requests
WHERE dt >= {first_day} AND event_time < {now}"""


@dataclass(frozen=True, slots=True)
class StartedAudits:
    """The watermark, and the judgements that were started now; those begun before are not."""

    watermark: datetime
    started: tuple[DueWindow, ...]

    def to_document(self) -> dict[str, object]:
        """Return it as JSON-ready values."""
        return {
            "watermark": self.watermark.isoformat(),
            "started": [one.name for one in self.started],
        }


def start_due_audits(
    *, queries: QueryEngine, progress: ProgressStore, start: StartRun, now: datetime
) -> StartedAudits:
    """Find what is due by event time and start it; a second call starts nothing twice.

    Raises: DependencyError, BadData.
    """
    asked = render_sql(_NEWEST, first_day=utc_day(now - LATENESS), now=now)
    [row] = queries.run(asked)
    newest = row["newest"]
    watermark = find_watermark(newest if isinstance(newest, datetime) else None, now=now)
    due = find_due(progress.load(), watermark=watermark)
    return StartedAudits(watermark, tuple(one for one in due if start(one.name, one.to_document())))
