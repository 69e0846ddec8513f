"""Does the model that the registry approved answer the requests?"""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.thresholds import WRONG_MODEL_FLOOR
from recsysops.errors import CouldNotJudge

_FLOORS = {"unapproved_model_share": WRONG_MODEL_FLOOR}

_TABLES = """
counted AS (
  SELECT {period} AS period, member_group AS grp, event_time >= {last_part_start} AS ending,
    CASE WHEN cardinality(hotfix_ids) > 0 THEN 'hotfixed=' ELSE 'served=' END || model_id AS label,
    count(*) AS n
  FROM slim_requests
  WHERE {in_periods} AND model_id <> ''
  GROUP BY 1, 2, 3, 4
),
counts AS (
  SELECT period, slice, label, grp, n
  FROM counted CROSS JOIN UNNEST(
    CASE WHEN ending THEN ARRAY['all', 'part=last'] ELSE ARRAY['all'] END) AS s(slice)
)"""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the share of each model that was not approved; hotfixed requests may be pinned.

    Handing over is no fault: a model that served the reference and no longer serves at the end
    of the window.
    """
    if not context.approved_models:
        raise CouldNotJudge("could not judge, because the registry has no production model")
    if not any(found.window.rows.sum() for found in distributions):
        raise CouldNotJudge("could not judge, because the window has no request with a model")
    served = [found for found in distributions if found.subject == "served" and not found.slice]
    ending = {
        model
        for found in distributions
        if found.subject == "served" and found.slice
        for model, weight in zip(found.cells, found.window.weights, strict=True)
        if weight > 0
    }
    return [check for found in served for check in _model_checks(found, context, ending)]


def _model_checks(found: Distribution, context: AuditContext, ending: set[str]) -> list[Check]:
    wrong = [
        place
        for place, model in enumerate(found.cells)
        if model not in context.approved_models
        and (model in ending or not found.reference.weights[place])
        and found.window.weights[place] > 0
    ]
    # against a window in which nothing but approved models served
    changes = share_changes(
        [(found.window.share_of([]), found.window.share_of([place])) for place in wrong]
    )
    return [
        Check(
            metric="unapproved_model_share",
            subject=found.cells[place],
            slice={},
            baseline=0.0,
            observed=change.observed,
            effect=change.observed,
            effect_floor=_FLOORS["unapproved_model_share"],
            p_value=change.p_value,
            evidence={
                "approved": list(context.approved_models),
                "served": _shares(found),
            },
        )
        for place, change in zip(wrong, changes, strict=True)
    ]


def _shares(found: Distribution) -> dict[str, float]:
    total = found.window.weights.sum()
    return {
        model: round(float(weight / total), 4)
        for model, weight in zip(found.cells, found.window.weights, strict=True)
        if weight > 0
    }


AUDIT = Audit(
    name="served_model",
    question="Does the model that the registry approved answer the requests?",
    component="model",
    severity="critical",
    owner="serving",
    runbook="Compare the model pointer with the registry; pin the approved model.",
    tables=_TABLES,
    judge=judge,
    needs_reference=False,
    baseline="none",
    test="jackknifed share against none",
    floors=_FLOORS,
    depth=2,
)
