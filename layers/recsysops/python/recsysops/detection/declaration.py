"""What an audit is: a question, its SQL, its judge, and who must act on the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.sql import render_audit
from recsysops.request_log.sql import SqlValue
from recsysops.vocabulary import Component

Severity = Literal["low", "high", "critical"]


@dataclass(frozen=True, slots=True)
class Audit:
    """One declaration, one small file in `detection/audits`.

    tables: named sub-queries of the SQL, the last called `cells` (see detection.sql);
    parameters: its own typed values. needs_reference: False when the window alone tells.
    judge: distributions by slice and subject → checks; Raises CouldNotJudge with the reason.
    runbook: the first thing to do, in one line.
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

    def render(self, context: AuditContext) -> str:
        """Return the audit's SQL for one context."""
        return render_audit(self.tables, context, parameters=self.parameters)
