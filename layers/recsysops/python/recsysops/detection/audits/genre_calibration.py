"""Do slates hold the genres that their members go on to play? Steck's calibration, by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsysops.detection.audits.slot_plays import HOTFIXED, leave_hotfixes_out
from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import mean_change
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.detection.thresholds import LEAST_ROWS

_TABLES = ",".join(
    (
        HOTFIXED,
        """
plays AS (
  SELECT DISTINCT request_id, item_id FROM feedback WHERE kind = 'play' AND {in_periods}
),
answered AS (
  SELECT {period} AS period, request_id, member_group AS grp, delta_id, shown,
         ARRAY['all', 'surface=' || surface]
           || CASE WHEN country IS NULL THEN ARRAY[] ELSE ARRAY['country=' || country] END AS slices
  FROM slim_requests
  WHERE {in_periods} AND status = 'ok' AND delta_id <> '' AND cardinality(shown) > 0
    AND cardinality(hotfix_ids) = 0 AND second(event_time) < {seconds}
    AND request_id IN (SELECT request_id FROM plays)
),
described AS (
  SELECT delta_id, item_id, genres, 1e0 / cardinality(genres) AS part
  FROM item_snapshots
  WHERE dt >= {first_snapshot_day} AND cardinality(genres) > 0
    AND delta_id IN (SELECT DISTINCT delta_id FROM answered)
),
liked AS (
  SELECT a.request_id, g.genre, sum(d.part) AS part
  FROM answered a JOIN plays p ON p.request_id = a.request_id
  JOIN described d ON d.delta_id = a.delta_id AND d.item_id = p.item_id
  CROSS JOIN UNNEST(d.genres) AS g(genre)
  GROUP BY a.request_id, g.genre
),
slots AS (
  SELECT request_id, delta_id, u.item_id FROM answered CROSS JOIN UNNEST(shown) AS u(item_id)
),
held AS (
  SELECT s.request_id, g.genre, sum(d.part) AS part
  FROM slots s JOIN described d ON d.delta_id = s.delta_id AND d.item_id = s.item_id
  CROSS JOIN UNNEST(d.genres) AS g(genre)
  GROUP BY s.request_id, g.genre
),
likes AS (SELECT request_id, sum(part) AS whole FROM liked GROUP BY request_id),
holds AS (SELECT request_id, sum(part) AS whole FROM held GROUP BY request_id),
pairs AS (
  SELECT l.request_id, l.part / w.whole AS p, coalesce(h.part, 0e0) / s.whole AS q
  FROM liked l JOIN likes w ON w.request_id = l.request_id
  JOIN holds s ON s.request_id = l.request_id
  LEFT JOIN held h ON h.request_id = l.request_id AND h.genre = l.genre
),
divergences AS (
  SELECT request_id, sum(p * ln(p / ((1e0 - {smoothing}) * q + {smoothing} * p))) AS x
  FROM pairs GROUP BY request_id
),
cells AS (
  SELECT a.period, slice, a.grp, 1e0 AS weight, d.x, 'genres=mean' AS label
  FROM answered a JOIN divergences d ON d.request_id = a.request_id
  CROSS JOIN UNNEST(a.slices) AS u(slice)
  UNION ALL
  SELECT period, slice, grp, weight, x, label FROM hotfixed
)""",
    )
)
"""x: KL(genres played || genres shown) of one request, in nats. Every play counts, also of what the
member had to look for. The requests of every first half minute: half of the cost, while the
sample that has full records is too few plays to tell a tenth of a nat."""

_FLOORS: Mapping[str, float] = {
    # rise of the mean divergence, in nats; quiet weeks move it by 0.04
    "miscalibration": 0.1,
    "miscalibration.slice": 0.2,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of KL(genres played || genres shown) over requests after which was played.

    Where nobody tells what was played there is nothing to say, nor where a hotfix changed every
    slate on purpose.
    """
    del context
    if not distributions:
        return []
    return [
        check_change(
            found,
            mean_change(found.reference, found.window),
            metric="miscalibration",
            floors=_FLOORS,
        )
        for found in leave_hotfixes_out(distributions, of="plays after slates")
        if found.is_supported(LEAST_ROWS)
    ]


AUDIT = Audit(
    name="genre_calibration",
    question="Do slates hold the genres that their members go on to play?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Compare slates of the named slice with its plays, genre by genre; diagnose a request.",
    tables=_TABLES,
    parameters={"smoothing": 0.01, "seconds": 30},
    judge=judge,
    needs_reference=False,
    test="Mean of smoothed KL (Steck 2018) over requests; jackknife over members",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=8,
    explained_by=(Root(ANYTHING),),
)
