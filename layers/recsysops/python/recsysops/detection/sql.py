"""The SQL that audits share: periods, items as served, and sums packed by hash group.

Every audit answers with rows of one shape (see cells.py): Σw, Σw² and, packed in one text,
Σw and Σw·x per hash group, by period × slice × label. Aggregates leave Athena, rows never do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from recsysops.detection.context import Asked, AuditContext
from recsysops.errors import BadInput
from recsysops.request_log.sql import Declared, SqlValue, render_sql, utc_day

Edges = Mapping[str, Sequence[float]]
"""Inner bin edges by subject, ascending."""

QUANTILE_BINS = 20
_LAST_PART = 0.25
"""The end of a window, as a share of it: who serves here has not been handed over."""
_SNAPSHOT_LOOK_BACK = timedelta(days=35)
"""A snapshot that nobody renewed may be served this long and still be found."""
_COHORT = timedelta(days=7)
"""What is followed from its launch on is followed so long."""
_JOINED_AROUND = timedelta(days=1)
"""What an event speaks of may be older, and may reach the lake later, by this much."""

_ITEMS_AS_SERVED = """
served AS (
  SELECT period, delta_id, CAST(count(*) AS double) AS requests
  FROM (
    SELECT {period} AS period, delta_id
    FROM slim_requests
    WHERE {in_periods} AND delta_id <> ''
  )
  GROUP BY period, delta_id
),
weights AS (
  SELECT period, delta_id, requests / sum(requests) OVER (PARTITION BY period) AS weight
  FROM served
),
items AS (
  SELECT w.period, w.weight, s.item_id, s.item_group, s.title, s.genres, s.year, s.language,
         s.price, s.in_stock, s.source, substr(s.batch, 1, 10) AS batch, s.launch_date,
         s.log_popularity
  FROM weights w JOIN item_snapshots s ON s.delta_id = w.delta_id
  WHERE s.dt >= {first_snapshot_day}
)"""
_IN_PERIODS: Mapping[Asked, str] = {
    "both": """dt >= {first_day}
    AND ((event_time >= {reference_start} AND event_time < {reference_end})
      OR (event_time >= {window_start} AND event_time < {window_end}))""",
    "reference": """dt >= {first_day}
    AND event_time >= {reference_start} AND event_time < {reference_end}""",
    "window": """dt >= {first_day}
    AND event_time >= {window_start} AND event_time < {window_end}""",
}
_NOT_BETWEEN = "(event_time < {reference_end} OR event_time >= {window_start})"
_PERIOD: Mapping[Asked, str] = {
    "both": "CASE WHEN event_time >= {window_start} THEN 'window' ELSE 'reference' END",
    "reference": "'reference'",
    "window": "'window'",
}
_UNBROKEN: Mapping[Asked, str] = {
    "both": """dt >= {first_day}
    AND event_time >= {reference_start} AND event_time < {window_end}""",
    "reference": _IN_PERIODS["reference"],
    "window": """dt >= {first_later_day}
    AND event_time >= {reference_end} AND event_time < {window_end}""",
}
_UNBROKEN_PERIOD: Mapping[Asked, str] = {
    **_PERIOD,
    "both": "CASE WHEN event_time >= {reference_end} THEN 'window' ELSE 'reference' END",
}
"""What templates may name besides typed values.

unbroken, unbroken_period: the same with all that lies between the periods counted to the window.
items_as_served: every item under every snapshot that answered requests, weighted by its share of
the period's requests. in_periods: rows of the periods that are asked for. period: which of them.
not_between: moments in a period rather than between the two, of what carries no dt.
edges: sub-query edges(subject, bins) of inner bin edges, see Audit.to_bin.
"""
_EDGES = """
edges AS (
  SELECT subject, approx_percentile(x, {quantiles}) AS bins
  FROM (
    {to_bin}
  )
  GROUP BY subject
)"""
_FROZEN_EDGES = """
edges AS (
  SELECT subject, bins FROM (VALUES {rows}) AS frozen(subject, bins)
)"""
_NO_EDGES = """
edges AS (
  SELECT CAST(NULL AS varchar) AS subject, CAST(NULL AS array(double)) AS bins WHERE 1 = 0
)"""
_TOLD_EDGES = """
SELECT 'edges' AS period, 'all' AS slice, subject || '=edges' AS label, CAST(0 AS bigint) AS n,
       0e0 AS ww, 0e0 AS wxx,
       array_join(transform(bins, edge -> CAST(edge AS varchar)), ' ') AS groups
FROM edges
WHERE bins IS NOT NULL
UNION ALL"""

_PACKED = """
sums AS (
  SELECT period, slice, label, grp, count(*) AS n, sum(weight) AS w, sum(weight * weight) AS ww,
         sum(weight * x) AS wx, sum(weight * x * x) AS wxx
  FROM cells
  GROUP BY period, slice, label, grp
)"""
_COUNTED = """
sums AS (
  SELECT period, slice, label, grp, sum(n) AS n, CAST(sum(n) AS double) AS w,
         CAST(sum(n) AS double) AS ww, 0e0 AS wx, 0e0 AS wxx
  FROM counts
  GROUP BY period, slice, label, grp
)"""
_ANSWER = """
SELECT period, slice, label, CAST(sum(n) AS bigint) AS n, sum(ww) AS ww, sum(wxx) AS wxx,
       array_join(array_agg(
         CAST(grp AS varchar) || ':' || CAST(w AS varchar) || ':' || CAST(wx AS varchar)
         ORDER BY grp), ' ') AS groups
FROM sums
GROUP BY period, slice, label
ORDER BY period, slice, label"""


def render_audit(
    tables: str,
    context: AuditContext,
    *,
    parameters: Mapping[str, SqlValue] | None = None,
    to_bin: str = "",
    edges: Edges | None = None,
    period: str = "",
) -> str:
    """Return the whole SELECT of an audit from its named sub-queries.

    `tables` may name the fragments above, {edges} (quantiles of `to_bin`, or frozen `edges`), the
    context's moments and its own parameters; it must end with a sub-query `cells` that has the
    columns period ('reference' or 'window'), slice, label ('subject=cell'), grp (hash group),
    weight and x (0e0 when unused). Where every row weighs one it ends with `counts` instead: n in
    place of weight and x, so that rows can be counted before they are spread over slices; or with
    `sums`: n, w, ww, wx and wxx, where they were added up before. Edges that the query makes
    itself come back as rows of a period 'edges', so that a later query can be given them.
    period: stands in for the fragment of that name where periods are told apart otherwise.

    Raises: BadInput when a placeholder has no value, or an edge is not finite.
    """
    tells_edges = bool(to_bin) and edges is None
    template = (
        f"WITH {tables.strip()}{_sums_of(tables)}{_TOLD_EDGES if tells_edges else ''}{_ANSWER}"
    )
    fragments = _fragments(context.asked, to_bin=to_bin, edges=edges)
    for name, fragment in {**fragments, "{period}": period or fragments["{period}"]}.items():
        template = template.replace(name, fragment.strip())
    values = {**_moments(context), **(parameters or {})}
    named = {name: value for name, value in values.items() if f"{{{name}}}" in template}
    return render_sql(template, **named)


def _sums_of(tables: str) -> str:
    """Return what makes `sums` of the sub-query that the tables end with."""
    if "\nsums AS (" in tables:
        return ""
    return f",{_COUNTED}" if "\ncounts AS (" in tables else f",{_PACKED}"


def _fragments(asked: Asked, *, to_bin: str, edges: Edges | None) -> dict[str, str]:
    """Return fragments in the order in which they may name one another."""
    made = _EDGES.replace("{to_bin}", to_bin.strip()) if edges is None else _frozen_edges(edges)
    return {
        "{edges}": made,
        "{items_as_served}": _ITEMS_AS_SERVED,
        "{quantiles}": _quantile_array(),
        "{in_periods}": _IN_PERIODS[asked],
        "{not_between}": _NOT_BETWEEN,
        "{period}": _PERIOD[asked],
        "{unbroken}": _UNBROKEN[asked],
        "{unbroken_period}": _UNBROKEN_PERIOD[asked],
    }


def _frozen_edges(edges: Edges) -> str:
    known = {subject: bins for subject, bins in edges.items() if len(bins)}
    if not known:
        return _NO_EDGES
    rows = ", ".join(
        render_sql("({subject}, {bins})", subject=subject, bins=_double_array(bins))
        for subject, bins in sorted(known.items())
    )
    return _FROZEN_EDGES.replace("{rows}", rows)


def _double_array(values: Sequence[float]) -> Declared:
    """Return an array of doubles; an exponent keeps Trino from reading decimals."""
    if not all(math.isfinite(value) for value in values):
        raise BadInput(f"bin edges must be finite, these are {list(values)!r:.120}")
    texts = (repr(float(value)) for value in values)
    return Declared(f"ARRAY[{', '.join(t if 'e' in t else f'{t}e0' for t in texts)}]")


def _quantile_array() -> str:
    inner = (str(place / QUANTILE_BINS) for place in range(1, QUANTILE_BINS))
    return f"ARRAY[{', '.join(inner)}]"


def _moments(context: AuditContext) -> dict[str, SqlValue]:
    earliest = context.window_start if context.asked == "window" else context.reference_start
    latest = context.reference_end if context.asked == "reference" else context.window_end
    first_day = utc_day(earliest)
    length = context.window_end - context.window_start
    return {
        "window_start": context.window_start,
        "window_end": context.window_end,
        "reference_start": context.reference_start,
        "reference_end": context.reference_end,
        "last_part_start": context.window_end - _LAST_PART * length,
        "first_day": first_day,
        "first_later_day": utc_day(context.reference_end),
        "earliest": earliest,
        "latest": latest,
        "cohort_start": earliest - _COHORT,
        "first_cohort_day": utc_day(earliest - _COHORT),
        "first_snapshot_day": first_day - _SNAPSHOT_LOOK_BACK,
        "first_joined_day": utc_day(earliest - _JOINED_AROUND),
        "last_joined_day": utc_day(latest + _JOINED_AROUND),
    }
