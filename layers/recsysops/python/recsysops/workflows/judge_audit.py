"""Judges the lake's answer to one planned audit; what failed becomes a judgement that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from recsysops.detection.catalogue import find_audit
from recsysops.detection.checks import Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.judge import judge_rows
from recsysops.errors import DependencyError
from recsysops.ports import Row


def judge_audit(
    audit: str,
    *,
    context: AuditContext,
    fetch_rows: Callable[[], Iterable[Row]],
    query_id: str = "",
) -> Judgement:
    """Fetch one audit's rows and judge them; `model_dump(mode="json")` of it travels on.

    A query that failed or whose result cannot be read gives 'audit_failed'; too little evidence
    gives 'could_not_judge'. Both carry the reason and become findings themselves.

    Raises: BadInput when there is no such audit.
    """
    declared = find_audit(audit)
    try:
        rows = fetch_rows()
    except DependencyError as error:
        return Judgement(
            audit=audit, status="audit_failed", reason=str(error)[:500], query_id=query_id
        )
    return judge_rows(declared, rows, context=context, query_id=query_id)
