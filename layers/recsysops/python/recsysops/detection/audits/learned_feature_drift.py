"""Does the one feature that we learn, popularity, move no more than plays and time can move it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import mean_change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS
from recsysops.statistics.counts import compare_with_tolerated

FEATURE = "log_popularity"
_MOVED = {"log_popularity_spike": "spike_share", "log_popularity_rank": "fallen_share"}
_FAR = 3.0
"""On the log scale: e-folds outside the inner 90 % of the reference."""
_CAME_FROM = 1.0
"""On the log scale: how far off an item was that now has the most frequent value."""
_FELL = 0.4
"""Of all ranks: further than plays of others and its own age bring an item down in ten days."""
_TOLERATED = 0.25
"""Of the floor: what may move without a fault, against which it is tested."""

# ranks and single items, because levels move by themselves: between two snapshots every count
# decays towards the smoothing, and a quarter of the items can lie there within a hair. The
# reference is told by its items' means over all its snapshots; equal counts share the middle of
# their ranks
_TABLES = """
{items_as_served},
told AS (
  SELECT period, item_id, min(item_group) AS grp, min(source) AS source, sum(weight) AS weight,
         round(sum(weight * log_popularity) / sum(weight), 9) AS x
  FROM items GROUP BY period, item_id, CASE WHEN period <> 'reference' THEN log_popularity END
),
middles AS (
  SELECT period, approx_percentile(x, 0.5) AS middle FROM told GROUP BY period
),
learned AS (
  SELECT t.period, t.item_id, t.grp, t.weight, t.source, t.x, t.x - m.middle AS centred
  FROM told t JOIN middles m ON m.period = t.period
),
{edges},
common AS (
  SELECT period, max_by(x, w) AS spike
  FROM (
    SELECT period, x, sum(weight) AS w FROM learned WHERE period <> 'reference' GROUP BY period, x
  )
  GROUP BY period
),
usual AS (
  SELECT period, item_id, min(grp) AS grp, min(source) AS source,
         round(sum(weight * x) / sum(weight), 6) AS x
  FROM told GROUP BY period, item_id
),
compared AS (
  SELECT n.period, n.item_id, n.grp, n.source, b.x AS before, n.x AS now
  FROM usual n JOIN usual b ON b.item_id = n.item_id
  WHERE n.period <> 'reference' AND b.period = 'reference'
),
ranked AS (
  SELECT period, grp, source, (before_below + before_not_above - below - not_above) / 2e0 AS fall
  FROM (
    SELECT period, grp, source,
      percent_rank() OVER (PARTITION BY period ORDER BY before) AS before_below,
      cume_dist() OVER (PARTITION BY period ORDER BY before) AS before_not_above,
      percent_rank() OVER (PARTITION BY period ORDER BY now) AS below,
      cume_dist() OVER (PARTITION BY period ORDER BY now) AS not_above
    FROM compared
  )
),
cells AS (
  SELECT period, slice, grp, weight, x, 'log_popularity=known' AS label
  FROM learned CROSS JOIN UNNEST(ARRAY['all', 'source=' || source]) AS s(slice)
  UNION ALL
  SELECT l.period, 'all' AS slice, l.grp, l.weight, 0e0 AS x,
    'log_popularity_range=' || CASE WHEN l.centred < e.bins[1] - {far}
      OR l.centred > e.bins[cardinality(e.bins)] + {far} THEN 'out_of_range' ELSE 'fine' END
      AS label
  FROM learned l JOIN edges e ON e.subject = 'log_popularity'
  UNION ALL
  SELECT l.period, 'all' AS slice, l.grp, l.weight, 0e0 AS x,
    'log_popularity_spike=' || CASE WHEN l.x = c.spike AND abs(b.before - c.spike) >= {came_from}
      THEN 'moved' ELSE 'kept' END AS label
  FROM learned l JOIN common c ON c.period = l.period
  JOIN compared b ON b.period = l.period AND b.item_id = l.item_id
  UNION ALL
  SELECT period, slice, grp, 1e0 AS weight, 0e0 AS x,
    'log_popularity_rank=' || CASE WHEN fall > {fell} THEN 'moved' ELSE 'kept' END AS label
  FROM ranked CROSS JOIN UNNEST(ARRAY['all', 'source=' || source]) AS s(slice)
)"""

_FLOORS: Mapping[str, float] = {
    # one value of a twentieth of the items that were an e-fold from it: no decay does that in days
    "spike_share": 0.04,
    # share of items that fell by four tenths of all ranks. Quiet: at most 0.0025 in the gauntlet's
    # worlds up to ten days apart, 0 in fourteen lakes of real MovieLens with the demo's traffic,
    # also where half of the items lay at the smoothing; counters of a tenth of the items that
    # start again give 0.055
    "fallen_share": 0.02,
    "fallen_share.slice": 0.08,
    # twenty times outside the inner 90 %: a hundredth of the plays for a tenth of the items
    "out_of_range_share": 0.02,
    # e-fold: three times the plays of every item; growth, weekends and decay are far below
    "mean_shift": 1.0,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test what moved item by item: to one value, down the ranks, out of range; and the mean."""
    del context
    require_both_periods(distributions, of="items as served")
    checks: list[Check] = []
    for found in distributions:
        if found.subject in _MOVED and found.window.effective >= LEAST_ROWS:
            checks.append(_moved_check(found))
        elif found.is_supported(LEAST_ROWS):
            checks.append(_mean_check(found) if found.subject == FEATURE else _range_check(found))
    return checks


def _moved_check(found: Distribution) -> Check:
    """Test the share of items that moved between the periods."""
    metric = _MOVED[found.subject]
    floor = _FLOORS[f"{metric}.slice" if found.slice else metric]
    moved = compare_with_tolerated(
        found.window.share_of(found.places_of("moved")), tolerated=_TOLERATED * floor
    )
    share = float(moved.value)
    return Check(
        metric=metric,
        subject=FEATURE,
        slice=found.slice,
        baseline=0.0,
        observed=share,
        effect=share,
        effect_floor=floor,
        p_value=float(moved.p_value),
        nested=bool(found.slice),
    )


def _mean_check(found: Distribution) -> Check:
    mean = mean_change(found.reference, found.window)
    shift = abs(mean.increase)
    return check_change(
        found, mean, metric="mean_shift", floors=_FLOORS, effect=shift, subject=FEATURE
    )


def _range_check(found: Distribution) -> Check:
    [change] = share_changes([found.share_of(found.places_of("out_of_range"))], of_items=True)
    return Check(
        metric="out_of_range_share",
        subject=FEATURE,
        slice={},
        baseline=change.baseline,
        observed=change.observed,
        effect=change.increase,
        effect_floor=_FLOORS["out_of_range_share"],
        p_value=change.p_value,
    )


AUDIT = Audit(
    name="learned_feature_drift",
    question="Does popularity, the feature that we learn, move no more than plays and time can?",
    component="item_features",
    severity="high",
    owner="ranking",
    runbook="Compare plays in the lake with what the last snapshot counted; publish again.",
    tables=_TABLES,
    parameters={"far": _FAR, "came_from": _CAME_FROM, "fell": _FELL},
    judge=judge,
    joins_periods=True,
    to_bin="SELECT 'log_popularity' AS subject, centred AS x FROM learned "
    "WHERE period = 'reference'",
    test="items that came to one value, fell in rank or are out of range, exact; mean, jackknife",
    floors=_FLOORS,
    slices=("source",),
    depth=5,
    explained_by=(Root("catalogue_size"), Root("traffic")),
    telling=("spike_share", "fallen_share", "out_of_range_share"),
)
