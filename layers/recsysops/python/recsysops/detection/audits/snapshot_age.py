"""How old is the snapshot of the catalogue that answers?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import mean_change
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS

_TABLES = """
made AS (
  SELECT delta_id, min(as_of) AS as_of
  FROM item_snapshots
  WHERE dt >= {first_snapshot_day}
  GROUP BY delta_id
),
served AS (
  SELECT {period} AS period, member_group AS grp, surface, delta_id,
         date_trunc('hour', event_time) AS hour, count(*) AS n
  FROM slim_requests
  WHERE {in_periods} AND delta_id <> '' AND traffic <> 're-timed'
  GROUP BY 1, 2, 3, 4, 5
),
aged AS (
  SELECT s.period, s.grp, s.surface, s.n, date_diff('second', m.as_of, s.hour) / 3600e0 AS hours
  FROM served s JOIN made m ON m.delta_id = s.delta_id
),
sums AS (
  SELECT period, slice, 'snapshot=age' AS label, grp, sum(n) AS n, CAST(sum(n) AS double) AS w,
         CAST(sum(n) AS double) AS ww, sum(n * hours) AS wx, sum(n * hours * hours) AS wxx
  FROM aged CROSS JOIN UNNEST(ARRAY['all', 'surface=' || coalesce(surface, 'none')]) AS s(slice)
  GROUP BY 1, 2, 3, 4
)"""

_FLOORS: Final[Mapping[str, float]] = {
    # rise of the mean age in hours: a nightly snapshot that was left out adds 24
    "snapshot_age_hours": 12.0,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of the age at which snapshots answer, over requests."""
    del context
    if not distributions:
        return []  # re-timed traffic alone: its snapshots are made when it is sent
    require_both_periods(distributions, of="requests under a known snapshot")
    return [
        check_change(
            found,
            mean_change(found.reference, found.window),
            metric="snapshot_age_hours",
            floors=_FLOORS,
        )
        for found in distributions
        if found.is_supported(LEAST_ROWS)
    ]


AUDIT = Audit(
    name="snapshot_age",
    question="How old is the snapshot of the catalogue that answers?",
    component="serving",
    severity="high",
    owner="serving",
    runbook="Look at the last runs of publish_delta and at the pointer that scorers poll.",
    tables=_TABLES,
    judge=judge,
    test="Jackknifed rise of the mean age over requests",
    floors=_FLOORS,
    slices=("surface",),
    depth=3,
    explained_by=(Root("served_model"),),
)
