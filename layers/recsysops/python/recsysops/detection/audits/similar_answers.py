"""Do searches for similar items find nothing, or fail, more often?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.roots import Root

# a search names no member: its minute stands in, so that a bad stretch is one cluster or few
_TABLES = """
answered AS (
  SELECT {period} AS period, date_diff('minute', timestamp '2020-01-01 00:00:00', event_time) % 32
           AS grp, query,
    CASE WHEN status <> 'ok' THEN 'failed' WHEN cardinality(shown) = 0 THEN 'empty'
         ELSE 'filled' END AS answer, count(*) AS n
  FROM similar_requests
  WHERE {in_periods}
  GROUP BY 1, 2, 3, 4
),
counts AS (
  SELECT period, slice, 'similar=' || answer AS label, grp, n
  FROM answered CROSS JOIN UNNEST(ARRAY['all', 'query=' || query]) AS s(slice)
)"""

_FLOORS: Final[Mapping[str, float]] = {
    # filters that leave nothing are the caller's choice; a twentieth more is ours
    "empty_search_share": 0.05,
    "empty_search_share.slice": 0.1,
    "failed_search_share": 0.02,
    "failed_search_share.slice": 0.05,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of the shares of searches without an item, and of those that failed.

    Not every shop searches: without searches in both periods there is nothing to say.
    """
    del context
    rises = [
        Rise(found, metric=f"{cell}_search_share", cells=[cell])
        for found in distributions
        for cell in ("empty", "failed")
    ]
    return rise_checks(rises, floors=_FLOORS)


AUDIT = Audit(
    name="similar_answers",
    question="Do searches for similar items find nothing, or fail, more often?",
    component="serving",
    severity="high",
    owner="serving",
    runbook="Look at the filters and fallback reasons of the named kind of query.",
    tables=_TABLES,
    judge=judge,
    needs_reference=False,
    test="rise of shares, delete-a-group jackknife over minutes with a binomial floor",
    floors=_FLOORS,
    slices=("query",),
    depth=3,
    explained_by=(Root("served_model"), Root("upstream")),
)
