"""Was a flag document refused because it broke the rules?"""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.errors import CouldNotJudge

_FLOORS = {"refused_document_share": 0.0}
"""That a document was refused is a fact, so there is no floor."""

_TABLES = """
cells AS (
  SELECT {period} AS period, 'all' AS slice, member_group AS grp, 1e0 AS weight, 0e0 AS x,
    'flag_document=' || coalesce(flag_rejected, 'accepted') AS label
  FROM slim_requests
  WHERE {in_periods}
)"""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Report every refused document that a request of the window met.

    That it was refused is a fact, not an estimate: p = 0 and any share is above the floor.
    """
    del context
    if not any(found.window.rows.sum() for found in distributions):
        raise CouldNotJudge("could not judge, because the window has no requests")
    return [
        _refused(found, place)
        for found in distributions
        for place, digest in enumerate(found.cells)
        if digest != "accepted" and found.window.rows[place] > 0
    ]


def _refused(found: Distribution, place: int) -> Check:
    before, now = (
        float(sums.weights[place] / max(sums.weights.sum(), 1.0))
        for sums in (found.reference, found.window)
    )
    return Check(
        metric="refused_document_share",
        subject=found.subject,
        slice={"document": found.cells[place]},
        baseline=before,
        observed=now,
        effect=now,
        effect_floor=_FLOORS["refused_document_share"],
        p_value=0.0,
        evidence={"kept": "the last good document serves"},
    )


AUDIT = Audit(
    name="flags",
    question="Was a flag document refused because it broke the rules?",
    component="flags",
    severity="high",
    owner="operations",
    runbook="Read why it was refused, correct it, deploy again; the last good one serves.",
    tables=_TABLES,
    judge=judge,
    needs_reference=False,
    every="hour",
    baseline="none",
    test="none: every refused document of the window is told",
    floors=_FLOORS,
    slices=("document",),
    depth=0,
)
