"""Do a few members ask for far more than they, or anybody, ever did?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS
from recsysops.errors import CouldNotJudge
from recsysops.statistics.student import Floats
from recsysops.statistics.tails import doubling_tail_p_value

_TABLES = """
daily AS (
  SELECT period, member, min(member_group) AS grp, count(DISTINCT request_id) AS asked
  FROM (
    SELECT {period} AS period, member, member_group, request_id,
           date_trunc('day', event_time) AS day
    FROM slim_requests
    WHERE {in_periods} AND member <> ''
  )
  GROUP BY period, member, day
),
ranked AS (
  SELECT member, asked, row_number() OVER (PARTITION BY member ORDER BY asked DESC) AS place
  FROM daily WHERE period = 'reference'
),
usual AS (
  SELECT member, max(asked) AS busiest,
         max(CASE WHEN place = 2 THEN asked ELSE 0 END) AS second_busiest
  FROM ranked WHERE place <= 2
  GROUP BY member
),
beyond AS (
  SELECT d.period, d.grp, d.asked,
         d.asked - coalesce(CASE WHEN d.period = 'reference' AND d.asked = u.busiest
           THEN u.second_busiest ELSE u.busiest END, 0) AS more
  FROM daily d LEFT JOIN usual u ON u.member = d.member
),
binned AS (
  SELECT period, grp, CAST(floor(log2(CAST(greatest(more, 1) AS double))) AS bigint) AS bin,
         count(*) AS members, CAST(sum(asked) AS bigint) AS requests
  FROM beyond
  GROUP BY 1, 2, 3
),
counts AS (
  SELECT period, 'all' AS slice, subject || '=' || CAST(bin AS varchar) AS label, grp,
         CASE WHEN subject = 'members' THEN members ELSE requests END AS n
  FROM binned CROSS JOIN UNNEST(ARRAY['members', 'requests']) AS u(subject)
)"""
# who was busy before is no robot: a member is binned by how far a day goes beyond the busiest of
# its days in the reference (of its other days there, for a day of the reference itself)

_BINS = 40
_USUAL_SHARE = 0.005
"""The busiest members' share of all requests that is still usual, whoever they are."""
_FLOORS: Final[Mapping[str, float]] = {
    # rise of the share of requests by members that go far beyond their own days: 600 of 20,000
    "heavy_member_share": 0.03,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test whether so many members so far beyond their busiest day fit the reference's tail.

    One member is one cluster, so no jackknife can tell it from chance; the tail can.
    """
    del context
    require_both_periods(distributions, of="requests of members")
    found = {one.subject: one for one in distributions}
    if not {"members", "requests"} <= set(found):
        raise CouldNotJudge("could not judge, because members and requests were not both counted")
    if min(found["members"].reference.rows.sum(), found["members"].window.rows.sum()) < LEAST_ROWS:
        return []
    return [_check(found["members"], found["requests"])]


def _check(members: Distribution, requests: Distribution) -> Check:
    before, now = _by_bin(members)
    asked_before, asked_now = (counts / counts.sum() for counts in _by_bin(requests))
    from_top = np.cumsum(asked_before[::-1])[::-1]
    levels = np.flatnonzero((from_top <= _USUAL_SHARE) & (np.arange(_BINS) <= _top(now)))
    p_values = [
        doubling_tail_p_value(before, now, places=range(level, _BINS)) for level in levels.tolist()
    ]
    best = int(np.argmin(p_values)) if p_values else 0
    level = int(levels[best]) if p_values else _BINS - 1
    baseline, observed = (float(shares[level:].sum()) for shares in (asked_before, asked_now))
    return Check(
        metric="heavy_member_share",
        subject="requests_per_member",
        slice={},
        baseline=baseline,
        observed=observed,
        effect=observed - baseline,
        effect_floor=_FLOORS["heavy_member_share"],
        p_value=min(1.0, len(p_values) * p_values[best]) if p_values else 1.0,
        evidence={
            "requests_beyond_own_busiest_day": 2**level,
            "members": float(now[level:].sum()),
            "usual_members": float(before[level:].sum() / max(before.sum(), 1.0) * now.sum()),
        },
    )


def _by_bin(found: Distribution) -> tuple[Floats, Floats]:
    """Return counts by power of two of requests beyond, reference and window, (40,) each."""
    counts = np.zeros((2, _BINS))
    for place, cell in enumerate(found.cells):
        counts[:, min(int(cell), _BINS - 1)] += (
            found.reference.rows[place],
            found.window.rows[place],
        )
    return counts[0], counts[1]


def _top(counts: Floats) -> int:
    filled = np.flatnonzero(counts)
    return int(filled[-1]) if len(filled) else -1


AUDIT = Audit(
    name="member_concentration",
    question="Do a few members ask for far more than they, or anybody, ever did?",
    component="traffic",
    severity="high",
    owner="serving",
    runbook="Look at the busiest pseudonyms of the day; block or label robots.",
    tables=_TABLES,
    judge=judge,
    joins_periods=True,
    test="Poisson tail of members beyond their own busiest day, from the reference's bent tail",
    floors=_FLOORS,
    depth=0,
)
