"""Plans one audit run: which questions to ask the lake, about which window, in which SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recsysops.detection.catalogue import AUDITS
from recsysops.detection.context import AuditContext, plan_context
from recsysops.detection.declaration import Audit
from recsysops.detection.schedule import Progress, find_season
from recsysops.ports import ModelRegistry
from recsysops.vocabulary import Window
from recsysops.workflows.approved_models import models_in_service
from recsysops.workflows.keep_baselines import BaselineStore


@dataclass(frozen=True, slots=True)
class PlannedAudit:
    """One audit's question to the lake, and the context to judge its answer in."""

    audit: Audit
    sql: str
    context: AuditContext


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """What a run asks, and the context of the run as a whole."""

    context: AuditContext
    audits: tuple[PlannedAudit, ...]

    def to_document(self) -> dict[str, object]:
        """Return the plan as JSON-ready values: run_id, window (the context) and audits."""
        return {
            "run_id": self.context.run_id,
            "window": self.context.model_dump(mode="json"),
            "audits": [
                {
                    "audit": one.audit.name,
                    "sql": one.sql,
                    "window": one.context.model_dump(mode="json"),
                }
                for one in self.audits
            ],
        }


def plan_audits(
    document: Mapping[str, object],
    *,
    registry: ModelRegistry,
    now: datetime,
    audits: Sequence[Audit] = AUDITS,
    baselines: BaselineStore | None = None,
    pinned: Window | None = None,
    progress: Progress | None = None,
) -> AuditPlan:
    """Plan audits, all of the catalogue unless others are given.

    `document` is {} (the last 24 full hours against the 24 before) or names window_start,
    window_end and, if it should not be the stretch just before, reference_start and
    reference_end; run_id and revision may be given. `every` (a scheduled run) plans the audits of
    that cadence alone, and compares those with a frozen baseline with the `pinned` reference,
    those with a seasonal one with whole weeks that were judged, as `progress` tells. What
    `baselines` keep of a reference is not asked again.

    Raises: BadInput naming what does not fit; DependencyError, BadData.
    """
    approved = models_in_service(registry)
    context = plan_context({**document, "approved_models": approved}, now=now)
    due = [audit for audit in audits if context.every in (None, audit.every)]
    season = find_season(progress, before=context.window_start) if progress else None
    standing = {"frozen": pinned, "seasonal": season} if context.every else {}
    planned = (
        plan_one(audit, _compared(context, standing.get(audit.baseline)), baselines)
        for audit in due
    )
    return AuditPlan(context, tuple(planned))


def plan_one(
    audit: Audit, context: AuditContext, baselines: BaselineStore | None = None
) -> PlannedAudit:
    """Plan one audit: both periods, or the window alone where the reference is kept.

    Raises: DependencyError, BadData.
    """
    kept = baselines and not audit.joins_periods and baselines.find(audit, context.reference)
    if not kept:
        return PlannedAudit(audit, audit.render(context), context)
    alone = context.model_copy(update={"asked": "window"})
    return PlannedAudit(audit, audit.render(alone, edges=kept.edges), alone)


def _compared(context: AuditContext, standing: Window | None) -> AuditContext:
    """Return the context in which an audit is compared with a reference that stands still."""
    if standing is None or standing.end > context.window_start:
        return context
    kept = {"reference_start": standing.start, "reference_end": standing.end, "pinned": True}
    return context.model_copy(update=kept)
