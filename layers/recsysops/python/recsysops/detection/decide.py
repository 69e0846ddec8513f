"""Turns the judgements of one run into findings, with false discoveries under control.

Wholes are tested by Benjamini-Hochberg, slices (nested in them) by Benjamini-Yekutieli, each at
half of the run's level. Checks below their effect floor count as p = 1: still valid p-values,
so the level holds for what is reported, not only for what is significant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from recsysops.detection.catalogue import AUDITS, find_audit
from recsysops.detection.checks import BLIND, CheckDocument, Judgement
from recsysops.detection.context import AuditContext, Cadence
from recsysops.detection.thresholds import ALERT_BUDGET_PER_WEEK
from recsysops.statistics.discoveries import Dependence, adjust_p_values, spend_alpha
from recsysops.vocabulary import Component, Finding


@dataclass(frozen=True, slots=True)
class Decision:
    """Findings that raise an alarm, the number of tests behind them, and the run's level."""

    findings: tuple[Finding, ...]
    tested: int
    alpha: float


def decide_findings(judgements: Sequence[Judgement], context: AuditContext) -> Decision:
    """Return what raises an alarm, audits in the order of the catalogue, surest first."""
    alpha = spend_alpha(
        budget_per_week=ALERT_BUDGET_PER_WEEK / len(get_args(Cadence)),
        every_hours=context.every_hours,
        revision=context.revision,
    )
    judged = sorted(
        (one for one in judgements if one.status == "judged"), key=lambda one: _place(one.audit)
    )
    pairs = [(one, check) for one in judged for check in one.findings]
    wholes = [pair for pair in pairs if not pair[1].nested]
    slices = [pair for pair in pairs if pair[1].nested]
    tested_wholes = sum(one.tested_wholes for one in judged)
    tested_slices = sum(one.tested_slices for one in judged)
    alarms = [
        *_discover(wholes, tested_wholes, alpha / 2.0, "independent"),
        *_discover(slices, tested_slices, alpha / 2.0, "any"),
    ]
    failed = [one for one in judgements if one.status in BLIND]
    findings = [
        *(_finding(one, check, context) for one, check in alarms),
        *(_failure(one, context) for one in failed),
    ]
    return Decision(tuple(findings), tested_wholes + tested_slices, alpha)


def _discover(
    pairs: Sequence[tuple[Judgement, CheckDocument]],
    tested: int,
    level: float,
    dependence: Dependence,
) -> Iterable[tuple[Judgement, CheckDocument]]:
    p_values = np.array([check.p_value for _, check in pairs], dtype=np.float64)
    adjusted = adjust_p_values(p_values, tested=tested, dependence=dependence)
    return [pair for pair, p in zip(pairs, adjusted, strict=True) if p <= level]


def _finding(judgement: Judgement, check: CheckDocument, context: AuditContext) -> Finding:
    return Finding(
        audit=judgement.audit,
        finding_id=finding_id(judgement.audit, context, check.metric, check.subject, check.slice),
        component=find_audit(judgement.audit).component,
        metric=check.metric,
        subject=check.subject,
        slice=check.slice,
        baseline=check.baseline,
        observed=check.observed,
        effect=check.effect,
        effect_floor=check.effect_floor,
        p_value=check.p_value,
        alarm=True,
        evidence={**check.evidence, "query_id": judgement.query_id, "sql": judgement.sql},
    )


def _failure(judgement: Judgement, context: AuditContext) -> Finding:
    """A failed or empty audit leaves us blind there: a finding about the machinery."""
    component: Component = "serving"
    return Finding(
        audit=judgement.audit,
        finding_id=finding_id(judgement.audit, context, judgement.status, judgement.audit, {}),
        component=component,
        metric=judgement.status,
        subject=judgement.audit,
        slice={},
        baseline=0.0,
        observed=1.0,
        effect=1.0,
        effect_floor=1.0,
        p_value=0.0,
        alarm=True,
        evidence={
            "reason": judgement.explain(),
            "query_id": judgement.query_id,
            "sql": judgement.sql,
        },
    )


def finding_id(
    audit: str, context: AuditContext, metric: str, subject: str, slice_: dict[str, str]
) -> str:
    """Name a finding by audit, window, revision and what it speaks of: a repeat is the same."""
    identity = json.dumps(
        [audit, str(context.window), context.revision, metric, subject, sorted(slice_.items())]
    )
    return f"f-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _place(audit: str) -> int:
    names = [known.name for known in AUDITS]
    return names.index(audit) if audit in names else len(names)
