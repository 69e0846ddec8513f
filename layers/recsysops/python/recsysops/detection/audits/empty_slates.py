"""Do requests get nothing to show?"""

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

_TABLES = """
answered AS (
  SELECT {period} AS period, member_group AS grp, coalesce(surface, 'none') AS surface,
    coalesce(country, 'none') AS country,
    CASE WHEN cardinality(shown) = 0 THEN 'empty' ELSE 'filled' END AS slate, count(*) AS n
  FROM slim_requests
  WHERE {in_periods}
  GROUP BY 1, 2, 3, 4, 5
),
counts AS (
  SELECT period, slice, 'slate=' || slate AS label, grp, n
  FROM answered
  CROSS JOIN UNNEST(ARRAY['all', 'surface=' || surface, 'country=' || country]) AS s(slice)
)"""

_FLOORS: Final[Mapping[str, float]] = {
    # filters that leave nothing are rare; a page without items is worse than a fallback
    "empty_slate_share": 0.01,
    "empty_slate_share.slice": 0.03,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of the share of requests that were shown nothing."""
    del context
    require_both_periods(distributions, of="requests")
    return rise_checks(
        [Rise(found, metric="empty_slate_share", cells=["empty"]) for found in distributions],
        floors=_FLOORS,
    )


AUDIT = Audit(
    name="empty_slates",
    question="Do requests get nothing to show?",
    component="serving",
    severity="critical",
    owner="serving",
    runbook="Look at filters, exclusions and blocked items of the named slice's requests.",
    tables=_TABLES,
    judge=judge,
    test="difference of shares, delete-a-group jackknife over members",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=3,
    explained_by=(Root("served_model"), Root("upstream"), Root("item_features")),
)
