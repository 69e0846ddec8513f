"""Does feedback still come back for as many requests as before?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS

_TABLES = """
answered AS (
  SELECT DISTINCT request_id FROM feedback
  WHERE dt >= {first_joined_day} AND dt <= {last_joined_day} AND request_id <> ''
),
counted AS (
  SELECT s.period, s.grp, s.surface, s.country,
    CASE WHEN a.request_id IS NULL THEN 'silent' ELSE 'answered' END AS state, count(*) AS n
  FROM (
    SELECT DISTINCT {period} AS period, member_group AS grp, surface,
           coalesce(country, 'none') AS country, request_id
    FROM slim_requests WHERE {in_periods}
  ) s
  LEFT JOIN answered a ON a.request_id = s.request_id
  GROUP BY 1, 2, 3, 4, 5
),
counts AS (
  SELECT period, slice, 'feedback=' || state AS label, grp, n
  FROM counted
  CROSS JOIN UNNEST(
    ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country]) AS s(slice)
)"""

_LEAST_ANSWERED = 100.0
"""Answered requests of the reference, below which feedback is too rare to be missed."""
_FLOORS: Final[Mapping[str, float]] = {
    # log ratio of the shares of answered requests: a fifth lost. Weekends move it by a twentieth
    "answered_share": 0.22,
    "answered_share.slice": 0.35,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the fall of the share of requests that anything came back for."""
    del context
    require_both_periods(distributions, of="requests")
    tested = [found for found in distributions if _is_worth_testing(found)]
    changes = share_changes([found.share_of(found.places_of("answered")) for found in tested])
    return [_check(found, change) for found, change in zip(tested, changes, strict=True)]


def _is_worth_testing(found: Distribution) -> bool:
    answered = found.reference.rows[found.places_of("answered")].sum()
    return found.is_supported(LEAST_ROWS) and float(answered) >= _LEAST_ANSWERED


def _check(found: Distribution, change: Change) -> Check:
    return check_change(
        found,
        change,
        metric="answered_share",
        floors=_FLOORS,
        effect=-math.log(max(change.observed, 1e-6) / change.baseline),
        subject="feedback",
    )


AUDIT = Audit(
    name="feedback_loss",
    question="Does feedback still come back for as many requests as before?",
    component="log",
    severity="high",
    owner="data",
    runbook="Look at the feedback route's errors and at what the clients send.",
    tables=_TABLES,
    judge=judge,
    test="Jackknifed log ratio of shares of requests",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=7,
    explained_by=(Root(ANYTHING),),
)
