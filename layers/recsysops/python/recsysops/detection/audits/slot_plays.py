"""SQL that audits of slates share: slots of sampled slates, and whether they were played."""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.support import require_both_periods

_HOTFIXED = "hotfixed"

HOTFIXED = """
hotfixed AS (
  SELECT {period} AS period, 'all' AS slice, 'hotfixed=yes' AS label, member_group AS grp,
         1e0 AS weight, 0e0 AS x
  FROM slim_requests WHERE {in_periods} AND cardinality(hotfix_ids) > 0
)"""
"""hotfixed: requests that were changed on purpose, as cells of a subject of their own (see
`leave_hotfixes_out`)."""

SHOWN_SLOTS = ",".join(
    (
        """
shown AS (
  SELECT {period} AS period, request_id, member_group AS grp, shown, scores,
    1e0 / inclusion_probability AS weight,
    ARRAY['all', 'surface=' || surface,
          'member=' || CASE WHEN member_known THEN 'known' ELSE 'new' END]
      || CASE WHEN country IS NULL THEN ARRAY[] ELSE ARRAY['country=' || country] END AS slices
  FROM slim_requests
  WHERE {in_periods} AND "full" AND status = 'ok' AND cardinality(hotfix_ids) = 0
    AND cardinality(shown) > 0 AND cardinality(scores) >= cardinality(shown)
),
slots AS (
  SELECT period, request_id, grp, slices, weight, n AS position,
         shown[n] AS item_id, scores[n] AS score
  FROM shown CROSS JOIN UNNEST(sequence(1, cardinality(shown))) AS t(n)
),
plays AS (
  SELECT DISTINCT request_id, item_id FROM feedback
  WHERE kind = 'play' AND {in_periods} AND request_id IN (SELECT request_id FROM shown)
),
played AS (
  SELECT s.period, s.request_id, s.grp, s.slices, s.weight, s.position, s.score,
         CASE WHEN p.item_id IS NULL THEN 0e0 ELSE 1e0 END AS play
  FROM slots s LEFT JOIN plays p ON p.request_id = s.request_id AND p.item_id = s.item_id
)""",
        HOTFIXED,
    )
)
"""played: a row per slot of the model's answers that have a full record, the sample drawn by
stratum (weight: one over its probability). A twentieth of the slots costs a twentieth. A play may
come after its period ended: the few of them are the same few in every period."""

SLICES = ("surface", "member", "country")


def leave_hotfixes_out(distributions: Sequence[Distribution], *, of: str) -> list[Distribution]:
    """Return what is left to judge: nothing when all of the window was under a hotfix.

    Raises: CouldNotJudge when a period has nothing else either.
    """
    judged = [found for found in distributions if found.subject != _HOTFIXED]
    if len(judged) < len(distributions) and not any(one.window.rows.sum() for one in judged):
        return []
    require_both_periods(judged, of=of)
    return judged
