"""Plans one audit run: which questions to ask the lake, about which window, in which SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recsysops.detection.catalogue import AUDITS
from recsysops.detection.context import Asked, AuditContext, plan_context
from recsysops.detection.declaration import Audit
from recsysops.ports import ModelRegistry
from recsysops.workflows.approved_models import models_in_service
from recsysops.workflows.keep_baselines import BaselineStore


@dataclass(frozen=True, slots=True)
class PlannedAudit:
    """One audit's question to the lake; asked 'window' when its reference is kept already."""

    audit: str
    sql: str
    asked: Asked = "both"


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
            "audits": [
                {"audit": one.audit, "sql": one.sql, "asked": one.asked} for one in self.audits
            ],
        }


def plan_audits(
    document: Mapping[str, object],
    *,
    registry: ModelRegistry,
    now: datetime,
    audits: Sequence[Audit] = AUDITS,
    baselines: BaselineStore | None = None,
) -> AuditPlan:
    """Plan audits, all of the catalogue unless others are given.

    `document` is {} (the last 24 full hours against the 24 before) or names window_start,
    window_end and, if it should not be the stretch just before, reference_start and
    reference_end; run_id and revision may be given. What `baselines` keep is not asked again.

    Raises: BadInput naming what does not fit; DependencyError.
    """
    approved = models_in_service(registry)
    context = plan_context({**document, "approved_models": approved}, now=now)
    planned = (plan_one(audit, context, baselines=baselines) for audit in audits)
    return AuditPlan(context, tuple(planned))


def plan_one(
    audit: Audit, context: AuditContext, *, baselines: BaselineStore | None = None
) -> PlannedAudit:
    """Plan one audit: both periods, or the window alone where the reference is kept.

    Raises: DependencyError, BadData.
    """
    kept = baselines and not audit.joins_periods and baselines.find(audit, context.reference)
    if not kept:
        return PlannedAudit(audit.name, audit.render(context))
    alone = context.model_copy(update={"asked": "window"})
    return PlannedAudit(audit.name, audit.render(alone, edges=kept.edges), "window")
