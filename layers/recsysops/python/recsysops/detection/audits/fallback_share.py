"""Do more requests than before get a fallback, and why?"""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import FALLBACK_FLOOR, LEAST_ROWS

_FLOORS = {"fallback_share": FALLBACK_FLOOR}

_TABLES = """
cells AS (
  SELECT {period} AS period, slice, member_group AS grp, 1e0 AS weight, 0e0 AS x,
    'fallback=' || coalesce(fallback_reason, CASE WHEN status = 'ok' THEN 'none' ELSE 'unnamed' END)
      AS label
  FROM slim_requests CROSS JOIN UNNEST(ARRAY['all', 'surface=' || surface]) AS s(slice)
  WHERE {in_periods}
)"""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of the share of each fallback reason, whole and by surface."""
    del context
    require_both_periods(distributions, of="requests")
    tested = [
        (found, place)
        for found in distributions
        if found.is_supported(LEAST_ROWS)
        for place, reason in enumerate(found.cells)
        if reason != "none"
    ]
    changes = share_changes([found.share_of([place]) for found, place in tested])
    return [
        Check(
            metric="fallback_share",
            subject=found.cells[place],
            slice=found.slice,
            baseline=change.baseline,
            observed=change.observed,
            effect=change.increase,
            effect_floor=_FLOORS["fallback_share"],
            p_value=change.p_value,
            nested=bool(found.slice),
        )
        for (found, place), change in zip(tested, changes, strict=True)
    ]


AUDIT = Audit(
    name="fallback_share",
    question="Do more requests than before get a fallback, and why?",
    component="serving",
    severity="high",
    owner="serving",
    runbook="Follow the named reason: member store, vectors of the serving model, or catalogue.",
    tables=_TABLES,
    judge=judge,
    test="difference of shares, delete-a-group jackknife over members",
    floors=_FLOORS,
    slices=("surface",),
    depth=3,
    explained_by=(Root("served_model"),),
)
