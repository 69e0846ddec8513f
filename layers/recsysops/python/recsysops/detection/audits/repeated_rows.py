"""Was anything written to the log more than once?"""

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
written AS (
  SELECT {period} AS period, 'slim_requests' AS lake_table, request_id AS row_id, member_group,
         surface, coalesce(country, 'none') AS country
  FROM slim_requests WHERE {in_periods}
  UNION ALL
  SELECT {period} AS period, 'full_requests' AS lake_table, request_id AS row_id, member_group,
         surface, coalesce(country, 'none') AS country
  FROM full_requests WHERE {in_periods}
  UNION ALL
  SELECT {period} AS period, 'feedback' AS lake_table, event_id AS row_id, member_group,
         'none' AS surface, 'none' AS country
  FROM feedback WHERE {in_periods}
),
copies AS (
  SELECT period, lake_table, min(member_group) AS grp, min(surface) AS surface,
         min(country) AS country, count(*) AS n
  FROM written
  GROUP BY period, lake_table, row_id
),
added AS (
  SELECT period, lake_table, grp, surface, country, count(*) AS first_rows, sum(n - 1) AS repeats
  FROM copies
  GROUP BY period, lake_table, grp, surface, country
),
counts AS (
  SELECT period, slice, lake_table || '=' || state AS label, grp,
         CASE WHEN state = 'first' THEN first_rows ELSE CAST(repeats AS bigint) END AS n
  FROM added
  CROSS JOIN UNNEST(CASE WHEN lake_table = 'feedback' THEN ARRAY['all']
    ELSE ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country] END)
    AS s(slice)
  CROSS JOIN UNNEST(ARRAY['first', 'repeat']) AS r(state)
)"""

_FLOORS: Final[Mapping[str, float]] = {
    # Firehose may deliver a batch twice after a time-out: a few rows in a thousand
    "repeat_share": 0.02,
    "repeat_share.slice": 0.05,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test per table the rise of the share of rows whose id was there before."""
    del context
    require_both_periods(distributions, of="rows")
    return rise_checks(
        [Rise(found, metric="repeat_share", cells=["repeat"]) for found in distributions],
        floors=_FLOORS,
    )


AUDIT = Audit(
    name="repeated_rows",
    question="Was anything written to the log more than once?",
    component="log",
    severity="high",
    owner="data",
    runbook="Look for retries of the delivery; count distinct ids until the copies are gone.",
    tables=_TABLES,
    judge=judge,
    test="Jackknifed rise of the share of repeated ids",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=0,
)
