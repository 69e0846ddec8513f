"""Do the teams that use our answers show them as we sent them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.roots import Root

_TABLES = """
echoed AS (
  SELECT {period} AS period, consumer, request_id, surface, min_by(shown, event_time) AS echoed
  FROM consumer_logs
  WHERE {in_periods}
  GROUP BY 1, 2, 3, 4
),
sent AS (
  SELECT request_id, min(member_group) AS grp, max_by(shown, cardinality(shown)) AS sent,
         max_by(row_items, cardinality(row_items)) AS below
  FROM slim_requests
  WHERE dt >= {first_joined_day} AND dt <= {last_joined_day}
    AND request_id IN (SELECT request_id FROM echoed)
  GROUP BY request_id
),
compared AS (
  SELECT e.period, e.consumer, e.surface, coalesce(s.grp, 0) AS grp,
    CASE WHEN s.grp IS NULL THEN 'unknown' ELSE 'known' END AS request,
    CASE WHEN filter(s.sent, item -> contains(e.echoed, item))
            = filter(e.echoed, item -> contains(s.sent, item)) THEN 'kept' ELSE 'changed' END
      AS sorted,
    CASE WHEN cardinality(array_except(s.sent, e.echoed)) > 0 THEN 'some' ELSE 'none' END
      AS dropped,
    CASE WHEN cardinality(array_except(array_except(e.echoed, s.sent), coalesce(s.below, ARRAY[])))
         > 0 THEN 'some' ELSE 'none' END AS added
  FROM echoed e LEFT JOIN sent s ON s.request_id = e.request_id
),
counted AS (
  SELECT period, consumer, surface, grp, request, sorted, dropped, added, count(*) AS n
  FROM compared
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
counts AS (
  SELECT period, slice, grp, n, subject || ':' || consumer || '=' ||
    CASE subject WHEN 'request' THEN request WHEN 'sorted' THEN sorted
                 WHEN 'dropped' THEN dropped ELSE added END AS label
  FROM counted
  CROSS JOIN UNNEST(ARRAY['all', 'surface=' || coalesce(surface, 'none')]) AS s(slice)
  CROSS JOIN UNNEST(CASE WHEN request = 'unknown' THEN ARRAY['request']
    ELSE ARRAY['request', 'sorted', 'dropped', 'added'] END) AS c(subject)
)"""
# a line sent twice counts once

_WATCHED: Final = {
    "request": ("unknown_request_share", "unknown"),
    "sorted": ("resorted_share", "changed"),
    "dropped": ("dropped_share", "some"),
    "added": ("added_share", "some"),
}
_FLOORS: Final[Mapping[str, float]] = {
    # shares of the answers that a consumer reports; what it always does is its reference
    "unknown_request_share": 0.05,
    "resorted_share": 0.05,
    "dropped_share": 0.05,
    "added_share": 0.05,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test per consumer the rise of answers shown in another order, with less, or with more.

    Without any consumer's log there is nobody to judge.
    """
    del context
    rises = [rise for found in distributions for rise in _rises(found)]
    return rise_checks(rises, floors=_FLOORS)


def _rises(found: Distribution) -> Iterator[Rise]:
    what, _, consumer = found.subject.partition(":")
    metric, cell = _WATCHED[what]
    yield Rise(found, metric=metric, cells=[cell], subject=consumer)


AUDIT = Audit(
    name="downstream_echo",
    question="Do the teams that use our answers show them as we sent them?",
    component="downstream",
    severity="high",
    owner="partners",
    runbook="Show the named team its own log beside ours; agree on what it may change.",
    tables=_TABLES,
    judge=judge,
    needs_reference=False,
    test="Jackknifed rise of shares of echoed answers",
    floors=_FLOORS,
    slices=("surface",),
    depth=4,
    explained_by=(Root("log_loss", metrics=("unknown_request_share",)), Root("log_schema")),
    telling=("resorted_share", "dropped_share", "added_share"),
)
