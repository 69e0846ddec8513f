"""Do more requests than before get a fallback, and why?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.roots import Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import FALLBACK_FLOOR

_TABLES = """
answered AS (
  SELECT {period} AS period, member_group AS grp, surface, coalesce(country, 'none') AS country,
    coalesce(fallback_reason, CASE WHEN status = 'ok' THEN 'none' ELSE 'unnamed' END) AS reason,
    count(*) AS n
  FROM slim_requests
  WHERE {in_periods}
  GROUP BY 1, 2, 3, 4, 5
),
counts AS (
  SELECT period, slice, 'fallback=' || reason AS label, grp, n
  FROM answered
  CROSS JOIN UNNEST(
    ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country]) AS s(slice)
)"""

_FLOORS: Final[Mapping[str, float]] = {
    "fallback_share": FALLBACK_FLOOR,
    # a country is a tenth of the requests
    "fallback_share.slice": 2.0 * FALLBACK_FLOOR,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of the share of each fallback reason."""
    del context
    require_both_periods(distributions, of="requests")
    rises = [
        Rise(found, metric="fallback_share", cells=[reason], subject=reason)
        for found in distributions
        for reason in found.cells
        if reason != "none"
    ]
    return rise_checks(rises, floors=_FLOORS)


AUDIT = Audit(
    name="fallback_share",
    question="Do more requests than before get a fallback, and why?",
    component="serving",
    severity="high",
    owner="serving",
    runbook="Follow the named reason: member store, vectors of the serving model, or catalogue.",
    tables=_TABLES,
    judge=judge,
    every="hour",
    test="difference of shares, delete-a-group jackknife over members",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=3,
    explained_by=(
        Root("served_model"),
        Root("release_watch", root_metrics=("canary_fallbacks",)),
    ),
)
