"""Do we still rank high what members go on to choose?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, mean_change, share_changes
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
    return [check for found in supported for check in _checks(found)]


def _checks(found: Distribution) -> Iterator[Check]:
    [missing] = share_changes([found.share_of(found.places_of("no"))])
    yield _check(found, "not_candidate_share", missing)
    ranked = found.only("head", "tail")
    if not ranked.is_supported(LEAST_ROWS):
        return
    mean = mean_change(ranked.reference, ranked.window)
    yield _check(found, "mean_rank_percentile", mean)
    [tail] = share_changes([ranked.share_of(ranked.places_of("tail"))])
    yield _check(found, "lower_tail_share", tail)


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
