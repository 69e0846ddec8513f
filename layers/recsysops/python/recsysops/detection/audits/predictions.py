"""Are the scores numbers that tell items apart?"""

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
rated AS (
  SELECT {period} AS period, member_group AS grp, surface, coalesce(country, 'none') AS country,
         model_id,
    CASE WHEN any_match(scores, score -> score IS NULL OR score - score <> 0e0) THEN 'broken'
         WHEN array_max(scores) = array_min(scores) THEN 'constant'
         ELSE 'apart' END AS state
  FROM slim_requests
  WHERE {in_periods} AND status = 'ok' AND cardinality(scores) >= {least_scores}
),
counted AS (
  SELECT period, grp, surface, country, model_id, state, count(*) AS n
  FROM rated
  GROUP BY period, grp, surface, country, model_id, state
),
counts AS (
  SELECT period, slice, 'scores=' || state AS label, grp, n
  FROM counted CROSS JOIN UNNEST(ARRAY['all', 'surface=' || coalesce(surface, 'none'),
    'country=' || country, 'model=' || model_id]) AS s(slice)
)"""
# a number less itself is zero unless it is NaN or infinite

_LEAST_SCORES = 3
_FLOORS: Final[Mapping[str, float]] = {
    # one request in two hundred whose order means nothing
    "broken_score_share": 0.005,
    "broken_score_share.slice": 0.02,
    # slates of items that nothing tells apart do not happen by themselves
    "constant_score_share": 0.01,
    "constant_score_share.slice": 0.04,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of requests with NaN or infinite scores, and with one score for all items."""
    del context
    require_both_periods(distributions, of="requests with scores")
    rises = [
        Rise(found, metric=metric, cells=[cell])
        for found in distributions
        for metric, cell in (("broken_score_share", "broken"), ("constant_score_share", "constant"))
    ]
    return rise_checks(rises, floors=_FLOORS)


AUDIT = Audit(
    name="predictions",
    question="Are the scores numbers that tell items apart?",
    component="model",
    severity="critical",
    owner="ranking",
    runbook="Pin the last good model; replay a named request and look at its blocks.",
    tables=_TABLES,
    parameters={"least_scores": _LEAST_SCORES},
    judge=judge,
    test="Jackknifed rises of shares of requests",
    floors=_FLOORS,
    slices=("surface", "country", "model"),
    depth=5,
    explained_by=(Root("served_model"), Root("item_features")),
)
