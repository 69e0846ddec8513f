"""What an audit is: a question, its SQL, its judge, and who must act on the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext, Cadence, make_context
from recsysops.detection.roots import Root
from recsysops.detection.sql import Edges, render_audit
from recsysops.request_log.sql import SqlValue
from recsysops.vocabulary import Component, Window

Severity = Literal["low", "high", "critical"]
BaselineKind = Literal["previous", "frozen", "seasonal", "none"]
"""previous: the stretch just before the window. frozen: the pinned reference, the previous stretch
until one is pinned. seasonal: the same hours of the week in the history, the previous stretch until
that is long enough. none: the window alone tells."""

Unit = Literal["items", "choices", "requests", "events", "rows"]
_UNITS: Final[Mapping[str, Unit]] = {
    "{items_as_served}": "items",
    "choice_ranks": "choices",
    "full_requests": "requests",
    "slim_requests": "requests",
    "feedback": "events",
    "item_snapshots": "items",
}

MIDDLE_DEPTH: Final = 5
DEEPEST: Final = 9


@dataclass(frozen=True, slots=True)
class Audit:
    """One declaration, one small file in `detection/audits`.

    tables: named sub-queries of the SQL, the last called `cells` (see detection.sql);
    parameters: its own typed values. to_bin: a sub-query with columns (subject, x) of the
    reference, whose quantiles become the fragment {edges}; '' when nothing is binned.
    joins_periods: the SQL compares the periods row by row, so it is never asked for one alone.
    cumulative: it asks for all that lies between the periods too; fewer looks only delay it.
    needs_reference: False when the window alone tells.
    judge: distributions by slice and subject → checks; Raises CouldNotJudge with the reason.
    test: the statistics in one line. floors: metric → published effect floor, which the judge
    reads from there too; 'metric.slice' is that of a slice when it differs.
    slices: dimensions that are looked into. every: how often a window is judged.
    depth: 0 (a root that nothing else makes) to 9 (a symptom of nearly anything); explained_by:
    which roots make its findings; telling: metrics that name the fault itself rather than how far
    something moved, best first. runbook: the first thing to do, in one line.
    """

    name: str
    question: str
    component: Component
    severity: Severity
    owner: str
    runbook: str
    tables: str
    judge: Callable[[Sequence[Distribution], AuditContext], list[Check]]
    parameters: Mapping[str, SqlValue] = field(default_factory=dict)
    needs_reference: bool = True
    joins_periods: bool = False
    cumulative: bool = False
    to_bin: str = ""
    every: Cadence = "day"
    baseline: BaselineKind = "previous"
    test: str = ""
    floors: Mapping[str, float] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    depth: int = MIDDLE_DEPTH
    explained_by: tuple[Root, ...] = ()
    telling: tuple[str, ...] = ()

    def render(self, context: AuditContext, *, edges: Edges | None = None) -> str:
        """Return the audit's SQL for one context; frozen `edges` replace the reference's own."""
        return render_audit(
            self.tables, context, parameters=self.parameters, to_bin=self.to_bin, edges=edges
        )

    @property
    def unit(self) -> Unit:
        """What one row of weight 1 is, as far as the tables that are read tell."""
        named = self.tables
        return next((unit for table, unit in _UNITS.items() if table in named), "rows")

    @property
    def digest(self) -> str:
        """Name what the SQL asks, whatever the window: another digest is another baseline."""
        return _digest_question(self.tables, self.to_bin, tuple(sorted(self.parameters.items())))


_DAY = timedelta(days=1)
_START = datetime(2026, 1, 1, tzinfo=UTC)
_ANY_WINDOW = make_context(
    window=Window(_START + _DAY, _START + 2 * _DAY), reference=Window(_START, _START + _DAY)
)


@lru_cache(maxsize=1_024)
def _digest_question(tables: str, to_bin: str, parameters: tuple[tuple[str, SqlValue], ...]) -> str:
    context = _ANY_WINDOW.model_copy(update={"asked": "reference"})
    asked = render_audit(tables, context, parameters=dict(parameters), to_bin=to_bin)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]
