"""Runs a whole audit in process: the same plan, judge and record as the state machine's steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from recsysops.detection.catalogue import AUDITS
from recsysops.detection.checks import Judgement
from recsysops.detection.context import name_windows
from recsysops.detection.declaration import Audit
from recsysops.ports import IncidentBook, ModelRegistry, Notifier, QueryEngine
from recsysops.vocabulary import Window
from recsysops.workflows.judge_audit import judge_audit
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.plan_audits import AuditPlan, PlannedAudit, plan_audits
from recsysops.workflows.record_incidents import AuditReport, record_incidents


@dataclass(frozen=True, slots=True)
class AuditPorts:
    """What an audit run needs from the world."""

    queries: QueryEngine
    registry: ModelRegistry
    incidents: IncidentBook
    notifier: Notifier


def run_audit(
    window: Window,
    *,
    reference: Window,
    ports: AuditPorts,
    now: datetime,
    run_id: str = "",
    revision: int = 0,
    audits: Sequence[Audit] = AUDITS,
    baselines: BaselineStore | None = None,
    judge: Callable[[PlannedAudit], Judgement] | None = None,
) -> AuditReport:
    """Judge one window against a reference; `rank_choices` of both must have run before.

    With `baselines` the lake is asked once about a reference: later windows against the same one
    are compared with what was kept, binned by the same edges. judge: who asks and judges instead,
    for runs that remember what `judge_planned` said to the same question and answer.

    Raises: BadInput when the windows are empty or overlap; DependencyError of book or notifier.
    """
    windows = name_windows(window, reference=reference)
    asked = {**windows, "run_id": run_id, "revision": revision}
    plan = plan_audits(asked, registry=ports.registry, now=now, audits=audits, baselines=baselines)
    return carry_out(plan, ports=ports, now=now, baselines=baselines, judge=judge)


def carry_out(
    plan: AuditPlan,
    *,
    ports: AuditPorts,
    now: datetime,
    baselines: BaselineStore | None = None,
    judge: Callable[[PlannedAudit], Judgement] | None = None,
) -> AuditReport:
    """Judge what was planned and record it, as `run_audit` does.

    Raises: DependencyError of book or notifier.
    """
    ask_and_judge = judge or partial(judge_planned, queries=ports.queries, baselines=baselines)
    judgements = [ask_and_judge(planned) for planned in plan.audits]
    return record_incidents(
        judgements,
        context=plan.context,
        incidents=ports.incidents,
        notifier=ports.notifier,
        now=now,
    )


def judge_planned(
    planned: PlannedAudit, *, queries: QueryEngine, baselines: BaselineStore | None = None
) -> Judgement:
    """Ask the lake what was planned, and judge the answer."""
    return judge_audit(
        planned.audit,
        context=planned.context,
        fetch_rows=partial(queries.run, planned.sql),
        sql=planned.sql,
        baselines=baselines,
    )
