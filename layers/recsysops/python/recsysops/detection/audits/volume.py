"""Do as many requests come as before?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.thresholds import VOLUME_FLOOR, VOLUME_HOUR_FLOOR, VOLUME_LEAST
from recsysops.errors import CouldNotJudge
from recsysops.statistics.rates import RateChange, compare_rates, estimate_dispersion
from recsysops.statistics.student import Floats

_FLOORS = {"requests": VOLUME_FLOOR, "requests.hour": VOLUME_HOUR_FLOOR}

_TABLES = """
cells AS (
  SELECT period, 'all' AS slice, member_group AS grp, 1e0 AS weight, 0e0 AS x, label
  FROM (
    SELECT DISTINCT request_id, member_group, {period} AS period,
      surface || '=' || CAST(CAST(floor(date_diff('second',
        CASE WHEN event_time >= {window_start} THEN {window_start} ELSE {reference_start} END,
        event_time) / 3600e0) AS bigint) AS varchar) AS label
    FROM slim_requests
    WHERE {in_periods}
  )
)"""
# distinct, because a log line that was delivered twice is still one request


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the requests of each surface, over the window and hour by hour."""
    if not any(found.reference.rows.sum() for found in distributions):
        raise CouldNotJudge("could not judge, because the reference has no requests")
    checks: list[Check] = []
    for found in distributions:
        checks += _surface_checks(found, context)
    return checks


def _surface_checks(found: Distribution, context: AuditContext) -> list[Check]:
    window, reference = context.window, context.reference
    ratio = (window.end - window.start) / (reference.end - reference.start)
    spread = max(estimate_dispersion(sums.whole) for sums in (found.reference, found.window))
    before, now = _total(found.reference), _total(found.window)
    whole = compare_rates(before, now, exposure_ratio=ratio, dispersion=spread)
    checks = _checks(found, ["all"], before * ratio, now, whole)
    if abs(ratio - 1.0) < 1e-9:  # hours of a longer reference would need a profile of the week
        rows = found.reference.rows, found.window.rows
        hours = compare_rates(*rows, dispersion=spread)
        checks += _checks(found, found.cells, *rows, hours)
    return checks


def _total(sums: Sums) -> Floats:
    return np.array([sums.rows.sum()])


def _checks(
    found: Distribution, hours: Sequence[str], before: Floats, now: Floats, change: RateChange
) -> list[Check]:
    return [
        Check(
            metric="requests",
            subject=found.subject,
            slice={} if hour == "all" else {"hour": hour},
            baseline=float(before[place]),
            observed=float(now[place]),
            effect=abs(float(change.log_ratio[place])),
            effect_floor=_FLOORS["requests" if hour == "all" else "requests.hour"],
            p_value=float(change.p_value[place]),
            nested=hour != "all",
        )
        for place, hour in enumerate(hours)
        if max(before[place], now[place]) >= VOLUME_LEAST
    ]


AUDIT = Audit(
    name="volume",
    question="Do as many requests come as before?",
    component="traffic",
    severity="critical",
    owner="serving",
    runbook="Look at the API's alarms and at what changed upstream of it.",
    tables=_TABLES,
    judge=judge,
    test="quasi-Poisson rates on square roots, dispersion from member groups",
    floors=_FLOORS,
    slices=("surface", "hour"),
    depth=1,
)
