"""Did every line that was written reach the lake? Each table is a witness of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.support import require_both_periods

_TABLES = """
slim AS (
  SELECT request_id, min(surface) AS surface, min(country) AS country
  FROM slim_requests
  WHERE dt >= {first_joined_day} AND dt <= {last_joined_day}
  GROUP BY request_id
),
recorded AS (
  SELECT DISTINCT request_id FROM full_requests
  WHERE dt >= {first_joined_day} AND dt <= {last_joined_day}
),
sent AS (
  SELECT {period} AS period, 'full' AS witness, request_id, member_group, surface, country
  FROM full_requests WHERE {in_periods}
  UNION ALL
  SELECT {period} AS period, 'feedback' AS witness, request_id, member_group,
         'none' AS surface, 'none' AS country
  FROM feedback WHERE {in_periods} AND request_id <> ''
  UNION ALL
  SELECT {period} AS period, 'slim' AS witness, request_id, member_group, surface, country
  FROM slim_requests WHERE {in_periods} AND "full"
),
found AS (
  SELECT s.period, s.witness, s.member_group,
    CASE WHEN s.witness = 'feedback' THEN coalesce(l.surface, 'none')
         ELSE s.surface END AS surface,
    coalesce(CASE WHEN s.witness = 'feedback' THEN l.country ELSE s.country END, 'none') AS country,
    CASE WHEN s.witness = 'slim' AND r.request_id IS NULL THEN 'lost'
         WHEN s.witness <> 'slim' AND l.request_id IS NULL THEN 'lost'
         ELSE 'kept' END AS state, count(*) AS n
  FROM sent s
  LEFT JOIN slim l ON l.request_id = s.request_id
  LEFT JOIN recorded r ON r.request_id = s.request_id
  GROUP BY 1, 2, 3, 4, 5, 6
),
counts AS (
  SELECT period, slice, witness || '=' || state AS label, member_group AS grp, n
  FROM found CROSS JOIN UNNEST(CASE WHEN witness = 'feedback' THEN ARRAY['all']
    ELSE ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country] END)
    AS s(slice)
)"""

_LOST: Final = {
    "full": ("slim_requests", "full_without_slim_share"),
    "feedback": ("slim_requests", "feedback_without_slim_share"),
    "slim": ("full_requests", "slim_without_full_share"),
}
"""What a witness without its counterpart says: which table lost lines, and by which metric."""

_FLOORS: Final[Mapping[str, float]] = {
    # 200 full records a day (1 % of 20,000) tell 10 % of lost lines from none; Firehose loses none
    "full_without_slim_share": 0.05,
    "full_without_slim_share.slice": 0.1,
    # late feedback may speak of requests before the lake begins
    "feedback_without_slim_share": 0.05,
    "slim_without_full_share": 0.05,
    "slim_without_full_share.slice": 0.1,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test per witness the rise of the share whose counterpart is missing."""
    del context
    require_both_periods(distributions, of="full records or feedback")
    rises = [
        Rise(found, metric=_LOST[found.subject][1], cells=["lost"], subject=_LOST[found.subject][0])
        for found in distributions
    ]
    return rise_checks(rises, floors=_FLOORS)


AUDIT = Audit(
    name="log_loss",
    question="Did every line that was written reach the lake?",
    component="log",
    severity="high",
    owner="data",
    runbook="Compare the delivery streams' counters with the table; replay what the sink kept.",
    tables=_TABLES,
    judge=judge,
    test="Jackknifed rise of the share of lines whose counterpart is missing",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=0,
)
