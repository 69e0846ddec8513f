"""How long do launches wait for their first impressions, against launches of the same age?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.statistics.log_rank import LogRank, log_rank
from recsysops.statistics.standardised import Strata

_SPEED, _WAITING = "speed", "waiting"
_DAYS = 7
_HOURS = 24
_LEAST_REACHED = 10.0
"""Launches that came so far in the reference; of fewer no rate is known."""
_LEAST_EXPECTED = 3.0

_TABLES = """
{items_as_served},
launches AS (
  SELECT item_id, min(item_group) AS grp, min(source) AS source,
         CAST(CAST(launch_date AS date) AS timestamp) AS out_at
  FROM items WHERE launch_date IS NOT NULL
  GROUP BY item_id, launch_date
),
impressions AS (
  SELECT item_id, event_time FROM slim_requests CROSS JOIN UNNEST(shown) AS s(item_id)
  WHERE dt >= {first_cohort_day} AND event_time >= {cohort_start} AND event_time < {latest}
),
began AS (
  SELECT CAST(min(event_time) AS date) AS day FROM slim_requests
  WHERE dt >= {first_cohort_day} AND event_time >= {cohort_start} AND event_time < {latest}
),
places AS (
  SELECT i.item_id, i.event_time,
         row_number() OVER (PARTITION BY i.item_id ORDER BY i.event_time) AS place
  FROM impressions i JOIN launches l ON l.item_id = i.item_id AND i.event_time >= l.out_at
),
waits AS (
  SELECT l.item_id, l.grp, l.source, l.out_at, p.event_time AS reached_at
  FROM launches l CROSS JOIN began b
  LEFT JOIN places p ON p.item_id = l.item_id AND p.place = {impressions}
  WHERE CAST(l.out_at AS date) >= b.day AND l.out_at < {latest}
),
hours AS (
  SELECT w.item_id, w.grp, w.source, w.reached_at, n AS hour,
         w.out_at + n * INTERVAL '1' HOUR AS event_time
  FROM waits w CROSS JOIN UNNEST(sequence(0, {hours} - 1)) AS t(n)
),
dated AS (
  SELECT item_id, grp, source, hour, event_time,
         CASE WHEN reached_at < event_time + INTERVAL '1' HOUR THEN 1e0 ELSE 0e0 END AS x
  FROM hours WHERE reached_at IS NULL OR reached_at >= event_time
),
at_risk AS (
  SELECT {period} AS period, item_id, grp, source, hour, x FROM dated
  WHERE event_time >= {earliest} AND event_time < {latest}
    AND {not_between}
),
longest AS (
  SELECT period, item_id, grp, max(hour) + 1e0 AS hours,
         row_number() OVER (PARTITION BY period ORDER BY max(hour) DESC, item_id) AS place
  FROM at_risk WHERE period <> 'reference'
  GROUP BY period, item_id, grp HAVING sum(x) = 0e0
),
cells AS (
  SELECT period, slice, 'speed=' || CAST(CAST(floor(hour / 24e0) AS bigint) AS varchar) AS label,
         grp, 1e0 AS weight, x
  FROM at_risk CROSS JOIN UNNEST(ARRAY['all', 'source=' || source]) AS u(slice)
  UNION ALL
  SELECT period, 'all' AS slice, 'waiting=' || item_id AS label, grp, 1e0 AS weight, hours AS x
  FROM longest WHERE place <= 10
)"""
"""A row of at_risk is an hour in which a launch had not been shown so often yet; x: then it was.
Launches from before the log began are left out: nobody knows how often they had been shown."""

_FLOORS: Mapping[str, float] = {
    # launches that came so far, relative loss against launches of the same age
    "impressions_delay": 0.5,
    "impressions_delay.slice": 0.6,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test whether launches come to their first impressions as soon as those before them.

    Without launches in both periods there is nothing to say.
    """
    del context
    waiting = {
        cell: float(hours)
        for found in distributions
        if found.subject == _WAITING
        for cell, hours in zip(found.cells, found.window.values.sum(axis=1), strict=True)
    }
    return [
        check
        for found in distributions
        if found.subject == _SPEED
        for check in _checks(found, waiting)
    ]


def _checks(found: Distribution, waiting: Mapping[str, float]) -> Iterator[Check]:
    reached = float(found.reference.values.sum())
    sides = (found.reference, found.window)
    rates = log_rank(*(Strata(side.groups, side.values) for side in sides))
    if reached < _LEAST_REACHED or rates.expected < _LEAST_EXPECTED:
        return
    yield _check(found, rates, waiting)


def _check(found: Distribution, rates: LogRank, waiting: Mapping[str, float]) -> Check:
    before, now = (1.0 - math.exp(-_HOURS * hazard) for hazard in rates.hazards)
    metric = "impressions_delay"
    return Check(
        metric=metric,
        subject="launches",
        slice=found.slice,
        baseline=before,
        observed=now,
        effect=1.0 - rates.observed / rates.expected,
        effect_floor=_FLOORS[f"{metric}.slice" if found.slice else metric],
        p_value=rates.p_value,
        nested=bool(found.slice),
        evidence={
            "reached": rates.observed,
            "expected": rates.expected,
            **({} if found.slice else {"hours_waiting": dict(waiting)}),
        },
    )


AUDIT = Audit(
    name="launch_impressions",
    question="Do launches get their first impressions as soon as launches before them did?",
    component="items",
    severity="high",
    owner="catalogue",
    runbook="Look at the named items' exploration, filters and features; give them launch slots.",
    tables=_TABLES,
    parameters={"impressions": 10, "hours": _DAYS * _HOURS},
    judge=judge,
    needs_reference=False,
    test="log-rank over days of age, those not there yet censored; jackknife over items",
    floors=_FLOORS,
    slices=("source",),
    depth=8,
    explained_by=(Root(ANYTHING),),
)
