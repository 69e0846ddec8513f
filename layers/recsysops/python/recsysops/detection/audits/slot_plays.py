"""SQL that audits of slates share: slots of sampled slates, and whether they were played."""

from __future__ import annotations

SHOWN_SLOTS = """
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
  SELECT DISTINCT request_id, item_id FROM feedback WHERE kind = 'play' AND {in_periods}
),
played AS (
  SELECT s.period, s.request_id, s.grp, s.slices, s.weight, s.position, s.score,
         CASE WHEN p.item_id IS NULL THEN 0e0 ELSE 1e0 END AS play
  FROM slots s LEFT JOIN plays p ON p.request_id = s.request_id AND p.item_id = s.item_id
)"""
"""played: a row per slot of the model's answers that have a full record, the sample drawn by
stratum (weight: one over its probability). A twentieth of the slots costs a twentieth. A play may
come after its period ended: the few of them are the same few in every period."""

SLICES = ("surface", "member", "country")
