"""Do we still rank high what members go on to choose?"""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, mean_changes, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import (
    CHOICE_RANK_FLOOR,
    CHOICE_TAIL,
    CHOICE_TAIL_FLOOR,
    LEAST_ROWS,
    NOT_CANDIDATE_FLOOR,
)

_FLOORS = {
    "mean_rank_percentile": CHOICE_RANK_FLOOR,
    "lower_tail_share": CHOICE_TAIL_FLOOR,
    "not_candidate_share": NOT_CANDIDATE_FLOOR,
}

_TABLES = """
choices AS (
  SELECT {period} AS period, member_group, delta_id, item_id, surface,
         member_known, country, activity, 1e0 / inclusion_probability AS weight,
         (CAST(rank AS double) - 0.5e0) / eligible_count AS percentile
  FROM choice_ranks
  WHERE {in_periods}
),
cells AS (
  SELECT c.period, slice, c.member_group AS grp, c.weight, coalesce(c.percentile, 0e0) AS x,
    CASE WHEN c.percentile IS NULL THEN 'candidate=no'
         WHEN c.percentile > {tail_from} THEN 'candidate=tail' ELSE 'candidate=head' END AS label
  FROM choices c
  LEFT JOIN item_snapshots s
    ON s.delta_id = c.delta_id AND s.item_id = c.item_id AND s.dt >= {first_snapshot_day}
  CROSS JOIN UNNEST(
    CASE WHEN c.member_known IS NULL THEN ARRAY['all', 'surface=' || c.surface]
         ELSE ARRAY['all', 'surface=' || c.surface,
                    'member=' || CASE WHEN c.member_known THEN 'known' ELSE 'new' END] END
    || CASE WHEN c.country IS NULL THEN ARRAY[] ELSE ARRAY['country=' || c.country] END
    || CASE WHEN c.activity IS NULL THEN ARRAY[] ELSE ARRAY['activity=' || c.activity] END
    || CASE WHEN s.item_id IS NULL THEN ARRAY[]
            ELSE ARRAY['source=' || s.source, 'language=' || coalesce(s.language, 'none')] END
  ) AS u(slice)
)"""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test mean rank percentile (0 best) and lower tail of ranked choices; others apart."""
    del context
    require_both_periods(distributions, of="ranked choices")
    supported = [found for found in distributions if found.is_supported(LEAST_ROWS)]
    missing = share_changes([found.share_of(found.places_of("no")) for found in supported])
    ranks = _rank_changes(supported)
    checks: list[Check] = []
    for found, change in zip(supported, missing, strict=True):
        checks.append(_check(found, "not_candidate_share", change))
        checks += [_check(found, metric, moved) for metric, moved in ranks.get(found, {}).items()]
    return checks


def _rank_changes(supported: Sequence[Distribution]) -> dict[Distribution, dict[str, Change]]:
    """Return how the ranked choices moved, of distributions that have enough of them."""
    only_ranked = ((found, found.only("head", "tail")) for found in supported)
    ranked = {found: own for found, own in only_ranked if own.is_supported(LEAST_ROWS)}
    means = mean_changes([(own.reference, own.window) for own in ranked.values()])
    tails = share_changes([own.share_of(own.places_of("tail")) for own in ranked.values()])
    return {
        found: {"mean_rank_percentile": mean, "lower_tail_share": tail}
        for found, mean, tail in zip(ranked, means, tails, strict=True)
    }


def _check(found: Distribution, metric: str, change: Change) -> Check:
    return check_change(found, change, metric=metric, floors=_FLOORS, subject="choice_rank")


AUDIT = Audit(
    name="choice_rank",
    question="Do we still rank high what members go on to choose?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Diagnose: replay the window's requests, then input or model.",
    tables=_TABLES,
    parameters={"tail_from": CHOICE_TAIL},
    judge=judge,
    test="Hájek mean of rank percentiles and shares, delete-a-group jackknife over members",
    floors=_FLOORS,
    slices=("surface", "member", "country", "activity", "source", "language"),
    depth=7,
    explained_by=(Root(ANYTHING),),
    # ranks of what came back do not move because some of it stays away: before feedback_loss
    telling=("mean_rank_percentile", "lower_tail_share"),
)
