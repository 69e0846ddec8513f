"""Do more requests than before get a fallback, or an empty slate, and why?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    CASE WHEN cardinality(shown) = 0 THEN 'empty' ELSE 'filled' END AS slate, count(*) AS n
  FROM slim_requests
  WHERE {in_periods}
  GROUP BY 1, 2, 3, 4, 5, 6
),
counts AS (
  SELECT period, slice, label, grp, n
  FROM answered
  CROSS JOIN UNNEST(
    ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country]) AS s(slice)
  CROSS JOIN UNNEST(ARRAY['fallback=' || reason, 'slate=' || slate]) AS l(label)
)"""

_FLOORS: Final[Mapping[str, float]] = {
    "fallback_share": FALLBACK_FLOOR,
    # a country is a tenth of the requests
    "fallback_share.slice": 2.0 * FALLBACK_FLOOR,
    # filters that leave nothing are rare; a page without items is worse than a fallback
    "empty_slate_share": 0.01,
    "empty_slate_share.slice": 0.03,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of the share of each fallback reason and of empty slates."""
    del context
    require_both_periods(distributions, of="requests")
    rises = [rise for found in distributions for rise in _rises(found)]
    return rise_checks(rises, floors=_FLOORS)


def _rises(found: Distribution) -> Iterator[Rise]:
    if found.subject == "slate":
        yield Rise(found, metric="empty_slate_share", cells=["empty"])
        return
    for reason in found.cells:
        if reason != "none":
            yield Rise(found, metric="fallback_share", cells=[reason], subject=reason)


AUDIT = Audit(
    name="fallback_share",
    question="Do more requests than before get a fallback, or an empty slate, and why?",
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
    explained_by=(Root("served_model"),),
)
