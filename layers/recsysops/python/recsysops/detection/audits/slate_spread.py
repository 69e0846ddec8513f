"""Do slates cover the catalogue and many genres, or do the same few popular items fill them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import mean_change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS

_TABLES = """
sampled AS (
  SELECT {period} AS period, CAST(event_time AS date) AS day, request_id, member_group AS grp,
         delta_id, shown, surface, 1e0 / inclusion_probability AS weight
  FROM slim_requests
  WHERE {in_periods} AND status = 'ok' AND "full" AND delta_id <> ''
),
described AS (
  SELECT delta_id, item_id, genres,
         percent_rank() OVER (PARTITION BY delta_id ORDER BY log_popularity) AS popularity,
         count(*) OVER (PARTITION BY delta_id) AS catalogue
  FROM item_snapshots
  WHERE dt >= {first_snapshot_day} AND delta_id IN (SELECT DISTINCT delta_id FROM sampled)
),
slots AS (
  SELECT s.period, s.day, s.request_id, s.grp, s.weight, s.surface, u.item_id, d.genres,
         d.popularity, d.catalogue
  FROM sampled s CROSS JOIN UNNEST(s.shown) AS u(item_id)
  JOIN described d ON d.delta_id = s.delta_id AND d.item_id = u.item_id
),
slates AS (
  SELECT period, request_id, grp, weight, surface, avg(popularity) AS popularity,
         CAST(cardinality(array_distinct(flatten(array_agg(genres)))) AS double) AS genres
  FROM slots GROUP BY period, request_id, grp, weight, surface
),
exposures AS (
  SELECT period, day, item_id,
         row_number() OVER (PARTITION BY period, day ORDER BY sum(weight) DESC, item_id) AS place,
         max(catalogue) AS catalogue
  FROM slots GROUP BY period, day, item_id
),
cells AS (
  SELECT period, slice, grp, weight, genres AS x, 'genres_per_slate=mean' AS label
  FROM slates CROSS JOIN UNNEST(ARRAY['all', 'surface=' || surface]) AS t(slice)
  UNION ALL
  SELECT period, slice, grp, weight, popularity AS x, 'shown_popularity=mean' AS label
  FROM slates CROSS JOIN UNNEST(ARRAY['all', 'surface=' || surface]) AS t(slice)
  UNION ALL
  SELECT s.period, 'all' AS slice, s.grp, s.weight, 0e0 AS x,
         CASE WHEN e.place <= {top} * e.catalogue
              THEN 'concentration=top' ELSE 'concentration=rest' END AS label
  FROM slots s
  JOIN exposures e ON e.period = s.period AND e.day = s.day AND e.item_id = s.item_id
)"""
"""The head is that of each day: among more requests the same slates have a smaller head."""

_FLOORS: Mapping[str, float] = {
    # relative loss of distinct genres in a slate
    "genres_per_slate": 0.15,
    # rise of the mean popularity percentile of what is shown
    "shown_popularity": 0.05,
    # rise of the share of slots that the most shown hundredth of the catalogue takes in a day
    "concentration": 0.1,
}
_TOP = 0.01


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test diversity, popularity and concentration of what full records say was shown."""
    del context
    require_both_periods(distributions, of="full slates")
    return [_check(found) for found in distributions if found.is_supported(LEAST_ROWS)]


def _check(found: Distribution) -> Check:
    metric = found.subject
    if metric == "concentration":
        [change] = share_changes([found.share_of(found.places_of("top"))])
    else:
        change = mean_change(found.reference, found.window)
    relative_loss = metric == "genres_per_slate" and change.baseline > 0
    effect = -change.increase / change.baseline if relative_loss else change.increase
    return check_change(
        found, change, metric=metric, floors=_FLOORS, effect=effect, subject="slates"
    )


AUDIT = Audit(
    name="slate_spread",
    question="Do slates spread over genres and items as they did?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Look which items fill the slots; check popularity, filters and diversity settings.",
    tables=_TABLES,
    parameters={"top": _TOP},
    judge=judge,
    test="Hájek means and shares over sampled slates; jackknife over members",
    floors=_FLOORS,
    slices=("surface",),
    depth=8,
    explained_by=(Root(ANYTHING),),
)
