"""Do members act on what they are shown as often as before?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root

_TABLES = """
spoken AS (
  SELECT DISTINCT {period} AS period, member_group AS grp, request_id, item_id, kind
  FROM feedback WHERE {in_periods} AND request_id <> ''
),
asked AS (
  SELECT request_id, min(surface) AS surface, min(coalesce(country, 'none')) AS country,
         bool_or(member_known) AS member_known, max_by(shown, cardinality(shown)) AS shown,
         max_by(row_items, cardinality(row_items)) AS below
  FROM slim_requests
  WHERE dt >= {first_joined_day} AND dt <= {last_joined_day}
    AND request_id IN (SELECT request_id FROM spoken)
  GROUP BY request_id
),
acted AS (
  SELECT f.period, f.grp, a.surface, a.country, a.member_known, f.kind,
    contains(a.shown, f.item_id) OR contains(coalesce(a.below, ARRAY[]), f.item_id) AS was_shown
  FROM spoken f JOIN asked a ON a.request_id = f.request_id
),
counted AS (
  SELECT period, grp, surface, country, member_known, kind,
         CASE WHEN was_shown THEN 'shown' ELSE 'unshown' END AS state, count(*) AS n
  FROM acted
  GROUP BY 1, 2, 3, 4, 5, 6, 7
),
counts AS (
  SELECT period, slice, 'acts=' || kind || ':' || state AS label, grp, n
  FROM counted
  CROSS JOIN UNNEST(ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country,
    CASE WHEN member_known THEN 'member_known=yes' ELSE 'member_known=no' END]) AS s(slice)
)"""

_LEAST_ACTS = 100.0
_FLOORS: Final[Mapping[str, float]] = {
    # log ratio of the share of plays that are of shown items: an eighth fewer; quiet days move it
    # by 0.03, those of a country by 0.2
    "shown_play_share": 0.12,
    "shown_play_share.slice": 0.5,
    # log ratio of plays among clicks and plays, up or down
    "play_share": 0.3,
    "play_share.slice": 0.5,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test which of the plays were of what we showed, and how many clicks became plays.

    Both are shares of what came back: feedback that got lost leaves them as they were, and a
    window without any is told by feedback_loss.
    """
    del context
    pairs = [pair for found in distributions for pair in _shares(found)]
    changes = share_changes([found.share_of(found.places_of(*cells)) for _, found, cells in pairs])
    return [
        _check(metric, found, change)
        for (metric, found, _), change in zip(pairs, changes, strict=True)
    ]


def _shares(found: Distribution) -> Iterator[tuple[str, Distribution, tuple[str, ...]]]:
    played, clicked = ("play:shown", "play:unshown"), ("click:shown", "click:unshown")
    for metric, part, whole in (
        ("shown_play_share", played[:1], played),
        ("play_share", played, (*played, *clicked)),
    ):
        only = found.only(*whole)
        if len(only.cells) and only.is_supported(_LEAST_ACTS):
            yield metric, only, part


def _check(metric: str, found: Distribution, change: Change) -> Check:
    ratio = math.log((change.observed + 1e-6) / (change.baseline + 1e-6))
    effect = -ratio if metric == "shown_play_share" else abs(ratio)
    return check_change(found, change, metric=metric, floors=_FLOORS, effect=effect, subject=metric)


AUDIT = Audit(
    name="feedback_rates",
    question="Do members act on what they are shown as often as before?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Diagnose: replay the window's requests, then input or model.",
    tables=_TABLES,
    judge=judge,
    needs_reference=False,
    test="Jackknifed log ratios of shares of the feedback",
    floors=_FLOORS,
    slices=("surface", "country", "member_known"),
    depth=7,
    explained_by=(Root(ANYTHING),),
    # what is played elsewhere does not stay away when feedback gets lost: before feedback_loss
    telling=("shown_play_share",),
)
