"""Do the clocks of the log agree: requests, feedback, arrival, and the hours of the day?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.change_check import floor_of
from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.roots import Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS
from recsysops.statistics.divergence import kolmogorov_smirnov
from recsysops.statistics.shares import Weighted
from recsysops.statistics.student import Floats

_TABLES = """
asked AS (
  SELECT request_id, min(event_time) AS asked_at, min(surface) AS surface,
         min(coalesce(country, 'none')) AS country
  FROM slim_requests
  WHERE dt >= {first_joined_day} AND dt <= {last_joined_day}
  GROUP BY request_id
),
acted AS (
  SELECT {period} AS period, request_id, member_group, event_time AS acted_at
  FROM feedback WHERE {in_periods} AND request_id <> ''
),
labelled AS (
  SELECT f.period, f.member_group AS grp, a.surface, a.country,
    CASE WHEN date_diff('second', f.acted_at, a.asked_at) >= {tolerated_seconds}
         THEN 'feedback=early' ELSE 'feedback=after' END AS label
  FROM acted f JOIN asked a ON a.request_id = f.request_id
  UNION ALL
  SELECT {period} AS period, member_group AS grp, surface, coalesce(country, 'none') AS country,
    CASE WHEN date_diff('hour', event_time, CAST(dt AS timestamp)) >= 1 THEN 'arrival=late'
         WHEN date_diff('hour', CAST(dt AS timestamp), event_time) >= 24 THEN 'arrival=early'
         ELSE 'arrival=same_day' END AS label
  FROM slim_requests WHERE {in_periods} AND traffic <> 're-timed'
  UNION ALL
  SELECT {period} AS period, member_group AS grp, surface, coalesce(country, 'none') AS country,
         'hour=' || CAST(hour(event_time) AS varchar) AS label
  FROM slim_requests WHERE {in_periods}
),
counted AS (
  SELECT period, grp, surface, country, label, count(*) AS n
  FROM labelled
  GROUP BY period, grp, surface, country, label
),
counts AS (
  SELECT period, slice, label, grp, n
  FROM counted
  CROSS JOIN UNNEST(
    ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country]) AS s(slice)
)"""
# a partition is named after the day of ingest: it tells lateness beyond midnight, no more

_TOLERATED_SECONDS = 60
"""A device's clock may be off by this much."""
_KEPT_REQUESTS = 0.2
"""A clock loses nothing: |log ratio| of a slice's requests to its usual part, at most."""
_LEFT_AFTER_TURN = 0.6
"""What is left of the distance once the clock is turned back, at most: hours are counted noisily,
and a shop's own day is not everybody's."""
_WATCHED: Final = {
    "feedback": (("early_feedback_share", "early"),),
    "arrival": (("late_rows_share", "late"), ("future_rows_share", "early")),
}
_FLOORS: Final[Mapping[str, float]] = {
    # nobody acts on a page before it was asked for
    "early_feedback_share": 0.02,
    "early_feedback_share.slice": 0.05,
    # buffers are minutes; an hour past midnight is late
    "late_rows_share": 0.02,
    "late_rows_share.slice": 0.05,
    "future_rows_share": 0.02,
    "future_rows_share.slice": 0.05,
    # a slice's day against everybody's: three hours of shift move a tenth of a flat day
    "hour_profile": 0.1,
    # the same, where turning the clock back explains it
    "clock_shift": 0.1,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test shares that no right clock makes, and each slice's day against everybody's."""
    del context
    require_both_periods(distributions, of="requests")
    rises = [
        Rise(found, metric=metric, cells=[cell], subject="event_time")
        for found in distributions
        for metric, cell in _WATCHED.get(found.subject, ())
    ]
    hours = [found for found in distributions if found.subject == "hour"]
    return [*rise_checks(rises, floors=_FLOORS), *_profile_checks(hours)]


def _profile_checks(hours: Sequence[Distribution]) -> list[Check]:
    whole = next((found for found in hours if not found.slice), None)
    if whole is None or not whole.is_supported(LEAST_ROWS):
        return []
    checks = (_profile_check(found, whole) for found in hours if found.slice)
    return [check for check in checks if check is not None]


def _profile_check(found: Distribution, whole: Distribution) -> Check | None:
    """Compare when a slice's requests came with when the same share of everybody's would have."""
    before, now = (_by_hour(found, sums) for sums in (found.reference, found.window))
    all_before, all_now = (_by_hour(whole, sums) for sums in (whole.reference, whole.window))
    usual = before.sum(axis=1) * all_now.sum(axis=1) / np.maximum(all_before.sum(axis=1), 1e-12)
    if min(usual.sum(), now.sum()) < LEAST_ROWS:
        return None
    seen = (all_before.sum(axis=1) > 0) & (all_now.sum(axis=1) > 0)
    changes = share_changes(
        [
            (_share(before, all_before, hour), _share(now, all_now, hour))
            for hour in np.flatnonzero(seen).tolist()
        ]
    )
    p_value = min((change.p_value for change in changes), default=1.0)
    metric = "clock_shift" if _is_turned(before, now, usual) else "hour_profile"
    return Check(
        metric=metric,
        subject="event_time",
        slice=found.slice,
        baseline=0.0,
        observed=(distance := kolmogorov_smirnov(usual[seen], now.sum(axis=1)[seen])),
        effect=distance,
        effect_floor=floor_of(metric, sliced=True, floors=_FLOORS),
        p_value=min(1.0, len(changes) * p_value),
        nested=True,
    )


def _is_turned(before: Floats, now: Floats, usual: Floats) -> bool:
    """Tell whether the slice kept its requests and a turned clock explains most of the change."""
    profile, seen = before.sum(axis=1), now.sum(axis=1)
    if abs(np.log(seen.sum() / usual.sum())) > _KEPT_REQUESTS:
        return False
    apart = [_distance(np.roll(profile, hours), seen) for hours in range(24)]
    return bool(min(apart[1:]) < _LEFT_AFTER_TURN * apart[0])


def _distance(one: Floats, other: Floats) -> float:
    """Return the total variation distance of two days, 0 to 1."""
    return float(np.abs(one / one.sum() - other / other.sum()).sum()) / 2.0


def _share(part: Floats, whole: Floats, hour: int) -> Weighted:
    return Weighted(part[hour], whole[hour], float(whole[hour].sum()))


def _by_hour(found: Distribution, sums: Sums) -> Floats:
    """Return counts as (24, 32): hour of the day by hash group."""
    counts = np.zeros((24, sums.groups.shape[1]))
    counts[[int(cell) for cell in found.cells]] = sums.groups
    return counts


AUDIT = Audit(
    name="event_clock",
    question="Do the clocks of the log agree with one another?",
    component="log",
    severity="high",
    owner="data",
    runbook="Compare the named slice's clock and time zone with the others'; re-time its events.",
    tables=_TABLES,
    parameters={"tolerated_seconds": _TOLERATED_SECONDS},
    judge=judge,
    test="Jackknifed rises of impossible orders; KS of a slice's hours against everybody's",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=2,
    explained_by=(
        Root("log_schema"),
        Root("log_loss"),
        Root("traffic", metrics=("hour_profile",), same_slice=True),
    ),
)
