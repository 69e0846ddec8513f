"""Do members play what our slates show, and near the top?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from recsysops.detection.audits.slot_plays import SHOWN_SLOTS, SLICES, leave_hotfixes_out
from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, mean_change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.detection.thresholds import LEAST_ROWS

_TABLES = ",".join(
    [
        SHOWN_SLOTS,
        """
slates AS (
  SELECT period, request_id, grp, slices, weight, sum(play) AS hits,
         sum(play / (ln(position + 1e0) / ln(2e0))) AS gain
  FROM played
  GROUP BY period, request_id, grp, slices, weight
),
cells AS (
  SELECT period, slice, grp, weight, CASE WHEN hits > 0e0 THEN gain / hits ELSE 0e0 END AS x,
         CASE WHEN hits > 0e0 THEN 'slates=hit' ELSE 'slates=miss' END AS label
  FROM slates CROSS JOIN UNNEST(slices) AS s(slice)
  UNION ALL
  SELECT period, slice, grp, weight, x, label FROM hotfixed
)""",
    ]
)

_FLOORS: Mapping[str, float] = {
    # relative loss of slates with a play; weekends and growth move it by a few percent
    "hit_share": 0.2,
    "hit_share.slice": 0.3,
    # relative loss of the mean discount (1 at the top) of what is played
    "play_gain": 0.1,
    "play_gain.slice": 0.2,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the share of slates with a play (hit@k), and how near the top plays are."""
    del context
    return [
        check
        for found in leave_hotfixes_out(distributions, of="slates")
        if found.is_supported(LEAST_ROWS)
        for check in _checks(found)
    ]


def _checks(found: Distribution) -> Iterator[Check]:
    [hits] = share_changes([found.share_of(found.places_of("hit"))])
    yield from _loss(found, "hit_share", hits)
    played = found.only("hit")
    if played.is_supported(LEAST_ROWS):
        yield from _loss(found, "play_gain", mean_change(played.reference, played.window))


def _loss(found: Distribution, metric: str, change: Change) -> Iterator[Check]:
    if change.baseline <= 0:
        return
    loss = -change.increase / change.baseline
    yield check_change(found, change, metric=metric, floors=_FLOORS, effect=loss, subject="slates")


AUDIT = Audit(
    name="slate_quality",
    question="Do members play what our slates show, and near the top?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Compare with expected_plays: other slots were shown, or the same are played less.",
    tables=_TABLES,
    judge=judge,
    test="share of slates with a play and mean discount of plays; jackknife over members",
    floors=_FLOORS,
    slices=SLICES,
    depth=8,
    explained_by=(Root(ANYTHING),),
)
