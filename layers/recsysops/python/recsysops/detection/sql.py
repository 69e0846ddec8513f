"""The SQL that audits share: periods, items as served, and sums packed by hash group.

Every audit answers with rows of one shape (see cells.py): Σw, Σw² and, packed in one text,
Σw and Σw·x per hash group, by period × slice × label. Aggregates leave Athena, rows never do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from recsysops.detection.context import AuditContext
from recsysops.request_log.sql import SqlValue, render_sql, utc_day

QUANTILE_BINS = 20
_LAST_PART = 0.25
"""The end of a window, as a share of it: who serves here has not been handed over."""
_SNAPSHOT_LOOK_BACK = timedelta(days=35)
"""A snapshot that nobody renewed may be served this long and still be found."""

_FRAGMENTS = {
    "{items_as_served}": """
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
         s.price, s.in_stock, s.source, substr(s.batch, 1, 10) AS batch
  FROM weights w JOIN item_snapshots s ON s.delta_id = w.delta_id
  WHERE s.dt >= {first_snapshot_day}
)""",
    "{in_periods}": """dt >= {first_day}
    AND ((event_time >= {reference_start} AND event_time < {reference_end})
      OR (event_time >= {window_start} AND event_time < {window_end}))""",
    "{period}": "CASE WHEN event_time >= {window_start} THEN 'window' ELSE 'reference' END",
}
"""What templates may name besides typed values.

items_as_served: every item under every snapshot that answered requests, weighted by its share of
the period's requests. in_periods: rows of either period. period: which of them.
"""

_PACKED = """
sums AS (
  SELECT period, slice, label, grp, count(*) AS n, sum(weight) AS w, sum(weight * weight) AS ww,
         sum(weight * x) AS wx, sum(weight * x * x) AS wxx
  FROM cells
  GROUP BY period, slice, label, grp
)
SELECT period, slice, label, CAST(sum(n) AS bigint) AS n, sum(ww) AS ww, sum(wxx) AS wxx,
       array_join(array_agg(
         CAST(grp AS varchar) || ':' || CAST(w AS varchar) || ':' || CAST(wx AS varchar)
         ORDER BY grp), ' ') AS groups
FROM sums
GROUP BY period, slice, label
ORDER BY period, slice, label"""


def render_audit(
    tables: str, context: AuditContext, *, parameters: Mapping[str, SqlValue] | None = None
) -> str:
    """Return the whole SELECT of an audit from its named sub-queries.

    `tables` may name the fragments above, {quantiles} (inner quantiles of QUANTILE_BINS bins),
    the context's moments and its own parameters; it must end with a sub-query `cells` that has
    the columns period ('reference' or 'window'), slice, label ('subject=cell'), grp (hash
    group), weight and x (0e0 when unused).

    Raises: BadInput when a placeholder has no value.
    """
    template = f"WITH {tables.strip()},{_PACKED}".replace("{quantiles}", _quantile_array())
    for name, fragment in _FRAGMENTS.items():
        template = template.replace(name, fragment.strip())
    values = {**_moments(context), **(parameters or {})}
    named = {name: value for name, value in values.items() if f"{{{name}}}" in template}
    return render_sql(template, **named)


def _quantile_array() -> str:
    inner = (str(place / QUANTILE_BINS) for place in range(1, QUANTILE_BINS))
    return f"ARRAY[{', '.join(inner)}]"


def _moments(context: AuditContext) -> dict[str, SqlValue]:
    first_day = utc_day(context.reference_start)
    length = context.window_end - context.window_start
    return {
        "window_start": context.window_start,
        "window_end": context.window_end,
        "reference_start": context.reference_start,
        "reference_end": context.reference_end,
        "last_part_start": context.window_end - _LAST_PART * length,
        "first_day": first_day,
        "first_snapshot_day": first_day - _SNAPSHOT_LOOK_BACK,
    }
