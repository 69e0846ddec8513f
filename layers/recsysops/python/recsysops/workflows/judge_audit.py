"""Judges the lake's answer to one planned audit; what failed becomes a judgement that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from recsysops.detection.baseline import Baseline, make_baseline
from recsysops.detection.checks import Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.judge import judge_rows
from recsysops.errors import BadData, DependencyError
from recsysops.ports import Row
from recsysops.workflows.keep_baselines import BaselineStore


def judge_audit(
    audit: Audit,
    *,
    context: AuditContext,
    fetch_rows: Callable[[], Iterable[Row]],
    query_id: str = "",
    sql: str | None = None,
    baselines: BaselineStore | None = None,
) -> Judgement:
    """Fetch one audit's rows and judge them; `model_dump(mode="json")` of it travels on.

    A query that failed or whose result cannot be read gives 'audit_failed'; too little evidence
    gives 'could_not_judge'. Both carry the reason and become findings themselves. What was
    asked stands in the context: the reference of 'both' is kept in `baselines`, and stands in for
    it after 'window'. sql: the question itself where the caller has it, rendered again otherwise.
    """
    failed = partial(Judgement, audit=audit.name, status="audit_failed", query_id=query_id)
    try:
        kept = _kept_reference(audit, context, baselines) if context.asked == "window" else None
        rows = list(fetch_rows())
        if kept is None:
            _keep_reference(audit, context, rows, baselines)
    except (DependencyError, BadData) as error:
        return failed(reason=str(error)[:500])
    if sql is None:
        sql = audit.render(context, edges=kept.edges if kept else None)
    return judge_rows(audit, rows, context=context, query_id=query_id, sql=sql, kept=kept)


def _kept_reference(
    audit: Audit, context: AuditContext, baselines: BaselineStore | None
) -> Baseline:
    kept = baselines.find(audit, context.reference) if baselines else None
    if kept is None:
        raise BadData(f"what was kept of the reference of audit {audit.name} is gone")
    return kept


def _keep_reference(
    audit: Audit, context: AuditContext, rows: list[Row], baselines: BaselineStore | None
) -> None:
    if baselines is not None and not audit.joins_periods:
        # most weeks have no roll-out; one that begins later is not in the reference
        kept = make_baseline(audit, context.reference, rows)
        baselines.keep(kept, even_empty=audit.cumulative)
