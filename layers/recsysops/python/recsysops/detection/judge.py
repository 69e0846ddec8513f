"""Judges the answer to one audit's SQL and packs what the run needs to know of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np

from recsysops.detection.baseline import Baseline
from recsysops.detection.cells import PERIODS, Distribution, read_distributions
from recsysops.detection.checks import Check, CheckDocument, Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.evidence import attach_evidence
from recsysops.detection.thresholds import KEPT_CHECKS, KEPT_P_VALUE, LEAST_ROWS
from recsysops.errors import BadData, CouldNotJudge
from recsysops.ports import Row


def judge_rows(
    audit: Audit,
    rows: Iterable[Row],
    *,
    context: AuditContext,
    query_id: str = "",
    sql: str | None = None,
    kept: Baseline | None = None,
) -> Judgement:
    """Judge the rows that an audit's SQL returned.

    Too little evidence or rows of another shape give 'could_not_judge' with the reason: never
    a pass, never a crash of the other audits. sql: what was asked, when not both periods;
    kept: what stands for the reference then.
    """
    sql = audit.render(context) if sql is None else sql
    unjudged = partial(Judgement, audit=audit.name, query_id=query_id, sql=sql)
    try:
        distributions = read_distributions(rows, reference=kept.sums if kept else None)
        if audit.needs_reference and _lacks_reference(distributions):
            return unjudged(status="no_reference", reason="the reference holds nothing yet")
        with np.errstate(divide="ignore", invalid="ignore"):
            # what divides by nothing gives NaN, and a NaN is no check
            checks = audit.judge(distributions, context)
        usable = [check for check in checks if _is_finite(check)]
        if checks and not usable:
            raise CouldNotJudge("could not judge, because no check gives a finite number")
        if not checks and audit.needs_reference and not distributions:
            return unjudged(status="no_reference", reason="neither period holds what it looks at")
        _require_rows(audit, distributions, usable)
    except (CouldNotJudge, BadData) as error:
        return unjudged(status="could_not_judge", reason=str(error))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        reason = f"its judge broke on these rows: {type(error).__name__}: {error}"
        return unjudged(status="audit_failed", reason=reason[:500])
    return Judgement(
        audit=audit.name,
        status="judged",
        tested_wholes=sum(not check.nested for check in usable),
        tested_slices=sum(check.nested for check in usable),
        findings=_carried(usable, distributions),
        query_id=query_id,
        sql=sql,
    )


def _carried(
    checks: Sequence[Check], distributions: Sequence[Distribution]
) -> tuple[CheckDocument, ...]:
    shown = attach_evidence(_worth_carrying(checks), distributions)
    return tuple(CheckDocument.model_validate(asdict(check)) for check in shown)


def _require_rows(
    audit: Audit, distributions: Sequence[Distribution], checks: Sequence[Check]
) -> None:
    """Check that an answer without a single check had rows enough to have some.

    Raises: CouldNotJudge. An audit that needs no reference tells facts: no check is good news.
    """
    if checks or not audit.needs_reference:
        return
    worth = {
        period: max((getattr(found, period).effective for found in distributions), default=0.0)
        for period in PERIODS
    }
    if poor := [period for period in PERIODS if not worth[period] >= LEAST_ROWS]:
        raise CouldNotJudge(
            f"could not judge, because the {poor[0]} is worth {worth[poor[0]]:.3g} rows; "
            f"{LEAST_ROWS:g} are needed"
        )


def _lacks_reference(distributions: Sequence[Distribution]) -> bool:
    return not any(found.reference.rows.any() for found in distributions) and any(
        found.window.rows.any() for found in distributions
    )


def _is_finite(check: Check) -> bool:
    # a slice that only one period has gives NaN: nothing was tested there
    return math.isfinite(check.effect) and math.isfinite(check.p_value)


def _worth_carrying(checks: Sequence[Check]) -> list[Check]:
    kept = [
        check
        for check in checks
        if check.effect >= check.effect_floor and check.p_value <= KEPT_P_VALUE
    ]
    kept.sort(key=lambda check: (check.nested, check.p_value, -check.effect))
    return kept[:KEPT_CHECKS]
