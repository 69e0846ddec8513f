"""Did requests become slower, everywhere or somewhere?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import mean_change
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.roots import Root
from recsysops.detection.sql import QUANTILE_BINS
from recsysops.detection.thresholds import LEAST_ROWS

_TABLES = """
timed AS (
  SELECT {period} AS period, member_group AS grp, surface, coalesce(country, 'none') AS country,
         latency_ms, ln(greatest(latency_ms, {least_ms})) AS x
  FROM slim_requests
  WHERE {in_periods} AND latency_ms >= 0e0 AND traffic <> 're-timed'
),
{edges},
binned AS (
  SELECT t.period, t.grp, t.surface, t.country, width_bucket(t.latency_ms, e.bins) AS bin,
         count(*) AS n, sum(t.x) AS wx, sum(t.x * t.x) AS wxx
  FROM timed t JOIN edges e ON e.subject = t.surface
  GROUP BY 1, 2, 3, 4, 5
),
sums AS (
  SELECT period, slice, 'latency_ms=' || CAST(bin AS varchar) AS label, grp, sum(n) AS n,
         CAST(sum(n) AS double) AS w, CAST(sum(n) AS double) AS ww, sum(wx) AS wx, sum(wxx) AS wxx
  FROM binned
  CROSS JOIN UNNEST(
    ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country]) AS s(slice)
  GROUP BY 1, 2, 3, 4
)"""
# re-timed requests come as fast as the machine takes them: their latency is the machine's

_LEAST_MS = 0.01
_FLOORS: Final[Mapping[str, float]] = {
    # log ratio of the geometric means: a quarter slower
    "latency_shift": 0.22,
    # rise of the share above what 95 % of the reference's requests of that surface stayed below
    "slow_share": 0.05,
    "slow_share.slice": 0.1,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the geometric mean, and the share above the reference's 95th percentile."""
    del context
    supported = [found for found in distributions if found.is_supported(LEAST_ROWS)]
    slowest = [str(QUANTILE_BINS - 1)]
    rises = [Rise(found, metric="slow_share", cells=slowest) for found in supported]
    return [*_shift_checks(supported), *rise_checks(rises, floors=_FLOORS)]


def _shift_checks(distributions: Sequence[Distribution]) -> Iterator[Check]:
    for found in distributions:
        yield check_change(
            found,
            mean_change(found.reference, found.window),
            metric="latency_shift",
            floors=_FLOORS,
            evidence={"unit": "log of milliseconds"},
        )


AUDIT = Audit(
    name="latency",
    question="Did requests become slower, everywhere or somewhere?",
    component="serving",
    severity="high",
    owner="serving",
    runbook="Look at the parts of the handler's trace on the named surface.",
    tables=_TABLES,
    to_bin="SELECT surface AS subject, latency_ms AS x FROM timed WHERE period = 'reference'",
    parameters={"least_ms": _LEAST_MS},
    judge=judge,
    test="Jackknifed change of log latency, and of the share above frozen p95 edges",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=3,
    explained_by=(Root("fallback_share"), Root("served_model"), Root("member_concentration")),
)
