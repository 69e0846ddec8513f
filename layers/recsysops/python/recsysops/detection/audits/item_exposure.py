"""Are launches shown as launches of their age were, and groups of items as they earn?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from recsysops.detection.cells import EVERYTHING, Distribution, Sums
from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.launches import compare_launches
from recsysops.detection.roots import ANYTHING, Root
from recsysops.detection.support import require_both_periods
from recsysops.statistics.jackknife import jackknife_error, leave_one_group_out, with_p_value
from recsysops.statistics.moving_shares import Taken, compare_moving_shares
from recsysops.statistics.shares import Weighted
from recsysops.statistics.student import Floats

_LAUNCHES, _EXPOSURE, _ITEMS, _EARNED = "launches", "exposure", "items", "earned"
_LEAST_EARNED = 100.0
"""Plays of explored slots, in effective rows."""
_LEAST_SHARE = 0.02
"""Groups that took a smaller share of the slots are not looked at one by one."""
_LEAST_ITEMS = 5.0
"""Nor are groups whose slots are those of fewer items (effective): one hit is no supplier."""

_TABLES = """
{items_as_served},
slates AS (
  SELECT {period} AS period, CAST(event_time AS date) AS day, request_id, member_group,
         shown, propensities
  FROM slim_requests
  WHERE {in_periods} AND status = 'ok' AND cardinality(shown) > 0
),
days AS (
  SELECT period, day, CAST(count(DISTINCT request_id) AS double) AS requests
  FROM slates GROUP BY period, day
),
described AS (
  SELECT DISTINCT period, item_id, item_group, source, coalesce(language, 'none') AS language,
         launch_date
  FROM items
),
slots AS (
  SELECT period, day, member_group, item_id, count(*) AS n
  FROM slates CROSS JOIN UNNEST(shown) AS s(item_id)
  GROUP BY period, day, member_group, item_id
),
exposures AS (
  SELECT period, day, item_id, CAST(sum(n) AS double) AS shown
  FROM slots GROUP BY period, day, item_id
),
launches AS (
  SELECT i.period, i.item_group, i.source, i.language, coalesce(e.shown, 0e0) / d.requests AS rate,
         date_diff('day', CAST(i.launch_date AS date), d.day) AS age
  FROM described i JOIN days d ON d.period = i.period
  LEFT JOIN exposures e ON e.period = i.period AND e.day = d.day AND e.item_id = i.item_id
  WHERE i.launch_date IS NOT NULL
    AND date_diff('day', CAST(i.launch_date AS date), d.day) BETWEEN 0 AND {launch_days}
),
plays AS (
  SELECT DISTINCT request_id, item_id FROM feedback WHERE kind = 'play' AND {in_periods}
),
explored AS (
  SELECT period, member_group, request_id, shown[n] AS item_id, propensities[n] AS propensity
  FROM slates CROSS JOIN UNNEST(sequence(1, cardinality(shown))) AS t(n)
  WHERE propensities[n] > 0e0 AND propensities[n] < {explored_below}
),
earned AS (
  SELECT s.period, s.member_group, s.item_id, 1e0 / s.propensity AS weight
  FROM explored s JOIN plays p ON p.request_id = s.request_id AND p.item_id = s.item_id
),
taken AS (
  SELECT period, member_group, item_id, 'exposure=slot' AS label, CAST(sum(n) AS double) AS weight
  FROM slots GROUP BY period, member_group, item_id
  UNION ALL
  SELECT period, CAST(NULL AS bigint) AS member_group, item_id, 'items=slot' AS label,
         CAST(sum(n) AS double) AS weight
  FROM slots GROUP BY period, item_id
  UNION ALL
  SELECT period, member_group, item_id, 'earned=play' AS label, weight FROM earned
),
cells AS (
  SELECT period, slice, item_group AS grp, 1e0 AS weight,
         CASE WHEN rate < {least_rate} THEN 1e0 ELSE 0e0 END AS x,
         'launches=' || CAST(least(age, 3) AS varchar) AS label
  FROM launches CROSS JOIN UNNEST(
    ARRAY['all', 'source=' || source, 'language=' || language]) AS u(slice)
  UNION ALL
  SELECT t.period, slice, coalesce(t.member_group, i.item_group) AS grp, t.weight, 0e0 AS x, t.label
  FROM taken t JOIN described i ON i.period = t.period AND i.item_id = t.item_id
  CROSS JOIN UNNEST(ARRAY['all', 'source=' || i.source, 'language=' || i.language]) AS u(slice)
)"""

_FLOORS: Mapping[str, float] = {
    # rise of the share of launches that are shown to fewer than one request in a thousand,
    # against launches of the same age
    "unexposed_launch_share": 0.25,
    # a group's share of the slots, relative loss; a hit elsewhere takes at most a slot of ten
    "exposure_loss": 0.33,
    # log of exposure share over the share earned under exploration, its change
    "production_bias": math.log(3.0),
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test launches against peers of their age, and exposure of groups, also against earned."""
    del context
    require_both_periods(distributions, of="slots")
    by_subject = {
        subject: {f.slice_name: f for f in distributions if f.subject == subject}
        for subject in (_LAUNCHES, _EXPOSURE, _ITEMS, _EARNED)
    }
    launches = [check for f in by_subject[_LAUNCHES].values() for check in _launch_checks(f)]
    return [*launches, *_group_checks(by_subject)]


def _launch_checks(found: Distribution) -> Iterator[Check]:
    rates = compare_launches(found)
    if rates is None:
        return
    rows = float(found.window.weights.sum())
    # launches of one age may all be alike: never surer than a binomial of them
    smoothed = (rates.observed * rows + 1.0) / (rows + 2.0)
    error = np.fmax(rates.rates.error, math.sqrt(smoothed * (1.0 - smoothed) / (rows + 2.0)))
    tested = with_p_value(rates.rates.value, error, degrees=min(31.0, max(1.0, rows - 2.0)))
    yield Check(
        metric="unexposed_launch_share",
        subject=_LAUNCHES,
        slice=found.slice,
        baseline=rates.expected,
        observed=rates.observed,
        effect=rates.observed - rates.expected,
        effect_floor=_FLOORS["unexposed_launch_share"],
        p_value=float(tested.p_value),
        nested=bool(found.slice),
    )


def _group_checks(by_subject: Mapping[str, Mapping[str, Distribution]]) -> Iterator[Check]:
    exposure, items = by_subject[_EXPOSURE], by_subject[_ITEMS]
    if EVERYTHING not in exposure or EVERYTHING not in items:
        return
    whole = exposure[EVERYTHING]
    groups = [found for name, found in exposure.items() if found.slice and name in items]
    pairs = [
        (_part(found.reference, whole.reference), _part(found.window, whole.window))
        for found in groups
    ]
    all_items = _taken(items[EVERYTHING])
    for found, change in zip(groups, share_changes(pairs), strict=True):
        own_items = _taken(items[found.slice_name])
        if change.baseline >= _LEAST_SHARE and own_items.effective >= _LEAST_ITEMS:
            moved = compare_moving_shares(own_items, all_items)
            # members' luck and items' luck: the surer test believes what the other one doubts
            p_value = max(change.p_value, float(moved.p_value))
            loss = -change.increase / change.baseline
            yield _group_check(
                found, "exposure_loss", loss, p_value, change.baseline, change.observed
            )
            yield from _bias_checks(found, whole, by_subject[_EARNED], float(moved.error))


def _part(part: Sums, whole: Sums) -> Weighted:
    return Weighted(part.whole, whole.whole, float(whole.weights.sum()))


def _taken(items: Distribution) -> Taken:
    return Taken(items.reference.whole, items.window.whole, float(items.reference.squared.sum()))


def _bias_checks(
    found: Distribution,
    whole: Distribution,
    earned: Mapping[str, Distribution],
    moved_error: float,
) -> Iterator[Check]:
    """Yield the bias's test; its error is no less than that of the exposure's own moves."""
    own, all_earned = earned.get(found.slice_name), earned.get(EVERYTHING)
    if own is None or all_earned is None or not own.is_supported(_LEAST_EARNED):
        return
    values, replicates = zip(
        *(
            _log_bias(*(getattr(one, period).whole for one in (found, whole, own, all_earned)))
            for period in ("reference", "window")
        ),
        strict=True,
    )
    change = with_p_value(
        np.asarray(values[1] - values[0]),
        np.fmax(jackknife_error(replicates[1] - replicates[0]), moved_error),
        degrees=31,
    )
    yield _group_check(
        found, "production_bias", abs(float(change.value)), float(change.p_value),
        float(values[0]), float(values[1]),
    )  # fmt: skip


def _log_bias(*sums: Floats) -> tuple[Floats, Floats]:
    """Return log(exposure share / earned share) of group sums, whole and leaving groups out."""
    whole = [np.log(part.sum(axis=-1)) for part in sums]
    left_out = [np.log(leave_one_group_out(part)) for part in sums]
    combined = [(one[0] - one[1]) - (one[2] - one[3]) for one in (whole, left_out)]
    return combined[0], combined[1]


def _group_check(  # noqa: PLR0917 - a row of numbers
    found: Distribution, metric: str, effect: float, p_value: float, baseline: float,
    observed: float,
) -> Check:  # fmt: skip
    return Check(
        metric=metric,
        subject=_EXPOSURE,
        slice=found.slice,
        baseline=baseline,
        observed=observed,
        effect=effect,
        effect_floor=_FLOORS[metric],
        p_value=p_value,
        nested=True,
    )


AUDIT = Audit(
    name="item_exposure",
    question="Are launches shown as launches of their age were, and groups of items as they earn?",
    component="items",
    severity="high",
    owner="catalogue",
    runbook="Look at filters, launch slots and popularity of the named items.",
    tables=_TABLES,
    parameters={"launch_days": 13, "least_rate": 0.001, "explored_below": 0.1},
    judge=judge,
    test="launches standardised by age; shares of slots, IPS over explored plays; jackknife over "
    "members and over items",
    floors=_FLOORS,
    slices=("source", "language"),
    depth=8,
    explained_by=(Root(ANYTHING),),
)
