"""Plans one audit run: which questions to ask the lake, about which window, in which SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from recsysops.detection.catalogue import AUDITS
from recsysops.detection.context import AuditContext, plan_context
from recsysops.ports import ModelRegistry
from recsysops.workflows.approved_models import approved_models


@dataclass(frozen=True, slots=True)
class PlannedAudit:
    """One audit's question to the lake."""

    audit: str
    sql: str


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """What a run asks, and the context that its later steps need."""

    context: AuditContext
    audits: tuple[PlannedAudit, ...]

    def to_document(self) -> dict[str, object]:
        """Return the plan as JSON-ready values: run_id, window (the context) and audits."""
        return {
            "run_id": self.context.run_id,
            "window": self.context.model_dump(mode="json"),
            "audits": [{"audit": one.audit, "sql": one.sql} for one in self.audits],
        }


def plan_audits(
    document: Mapping[str, object], *, registry: ModelRegistry, now: datetime
) -> AuditPlan:
    """Plan every audit of the catalogue.

    `document` is {} (the last 24 full hours against the 24 before) or names window_start,
    window_end and, if it should not be the stretch just before, reference_start and
    reference_end; run_id and revision may be given.

    Raises: BadInput naming what does not fit; DependencyError.
    """
    pointer = approved_models(registry)
    # a candidate may serve as canary
    named = (pointer.production, pointer.candidate) if pointer else ()
    approved = tuple(model_id for model_id in named if model_id is not None)
    context = plan_context({**document, "approved_models": approved}, now=now)
    return plan_for(context)


def plan_for(context: AuditContext) -> AuditPlan:
    """Plan every audit of the catalogue for a context."""
    return AuditPlan(
        context,
        tuple(PlannedAudit(audit.name, audit.render(context)) for audit in AUDITS),
    )
