"""Are the values of raw item features still spread as they were?"""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.drift_checks import (
    DRIFT_FLOORS,
    category_checks,
    distribution_check,
)
from recsysops.detection.roots import Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS

_NUMERIC = ("year", "price")
_VOLATILE = ("price", "in_stock")
"""What a supplier's batch renews every night, and an old batch therefore sets back."""

_TABLES = """
{items_as_served},
{edges},
labelled AS (
  SELECT period, item_group AS grp, weight, ARRAY['all', 'source=' || source] AS slices,
    ARRAY[
      'year=' || coalesce(CAST(width_bucket(CAST(year AS double), y.bins) AS varchar), 'none'),
      'price=' || coalesce(CAST(width_bucket(price, p.bins) AS varchar), 'none'),
      'language=' || coalesce(language, 'none'),
      'in_stock=' || CASE WHEN in_stock IS NULL THEN 'none' WHEN in_stock THEN 'yes' ELSE 'no' END
    ] || transform(genres, genre -> 'genres=' || genre) AS labels
  FROM items
  LEFT JOIN edges y ON y.subject = 'year'
  LEFT JOIN edges p ON p.subject = 'price'
),
cells AS (
  SELECT period, slice, label, grp, weight, 0e0 AS x
  FROM labelled CROSS JOIN UNNEST(slices) AS s(slice) CROSS JOIN UNNEST(labels) AS l(label)
)"""
_TO_BIN = """
SELECT 'year' AS subject, CAST(year AS double) AS x FROM items WHERE period = 'reference'
UNION ALL
SELECT 'price' AS subject, price AS x FROM items WHERE period = 'reference'"""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test numbers by binned KS and PSI, categories by Jensen-Shannon and one by one."""
    del context
    require_both_periods(distributions, of="items as served")
    supported = [found for found in distributions if found.is_supported(LEAST_ROWS)]
    wholes = [
        distribution_check(f, numeric=f.subject in _NUMERIC, of_items=True) for f in supported
    ]
    return [*wholes, *category_checks([f for f in supported if f.subject not in _NUMERIC])]


AUDIT = Audit(
    name="feature_drift",
    question="Are the values of raw item features still spread as they were?",
    component="item_features",
    severity="high",
    owner="catalogue",
    runbook="Compare the named values with last week's; ask the supplier; override or mask.",
    tables=_TABLES,
    judge=judge,
    to_bin=_TO_BIN,
    test="binned KS and PSI, Jensen-Shannon of counted items; jackknifed shares of categories",
    floors=DRIFT_FLOORS,
    slices=("source",),
    baseline="frozen",
    explained_by=(
        Root("stale_batch", subjects=_VOLATILE, same_slice=True),
        Root("catalogue_size"),
        Root("launch_metadata"),
    ),
    telling=("category_vanished", "category_unseen"),
)
