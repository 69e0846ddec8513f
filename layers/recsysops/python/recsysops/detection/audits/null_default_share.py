"""Are raw item features suddenly missing, zero, empty or all the same?"""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.roots import Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import (
    DEFAULT_SHARE_FLOOR,
    DEFAULT_SHARE_SLICE_FLOOR,
)

_CELLS = ("null", "zero", "empty", "spike")
_FLOORS = {
    **{f"{cell}_share": DEFAULT_SHARE_FLOOR for cell in _CELLS},
    **{f"{cell}_share.slice": DEFAULT_SHARE_SLICE_FLOOR for cell in _CELLS},
}

# few items differ in what is missing: they are added up before every column is looked at
_TABLES = """
{items_as_served},
common_year AS (
  SELECT max_by(year, w) AS year_spike
  FROM (SELECT year, sum(weight) AS w FROM items
        WHERE period = 'window' AND year <> 0 GROUP BY year)
),
common_price AS (
  SELECT max_by(price, w) AS price_spike
  FROM (SELECT price, sum(weight) AS w FROM items
        WHERE period = 'window' AND price > 0 GROUP BY price)
),
labelled AS (
  SELECT period, item_group AS grp, weight,
    ARRAY['all', 'source=' || source, 'language=' || coalesce(language, 'none')]
      || transform(genres, genre -> 'genre=' || genre) AS slices,
    array_join(ARRAY[
      CASE WHEN year IS NULL THEN 'year=null' WHEN year = 0 THEN 'year=zero'
           WHEN year = year_spike THEN 'year=spike' ELSE 'year=other' END,
      CASE WHEN price IS NULL THEN 'price=null' WHEN price <= 0 THEN 'price=zero'
           WHEN price = price_spike THEN 'price=spike' ELSE 'price=other' END,
      CASE WHEN language IS NULL THEN 'language=null' WHEN trim(language) = '' THEN 'language=empty'
           ELSE 'language=other' END,
      CASE WHEN cardinality(genres) = 0 THEN 'genres=empty' ELSE 'genres=other' END,
      CASE WHEN in_stock IS NULL THEN 'in_stock=null' ELSE 'in_stock=other' END,
      CASE WHEN trim(title) = '' THEN 'title=empty' ELSE 'title=other' END
    ], ';') AS labels
  FROM items CROSS JOIN common_year CROSS JOIN common_price
),
flags AS (
  SELECT period, slice, grp, labels, count(*) AS n, sum(weight) AS w, sum(weight * weight) AS ww
  FROM labelled CROSS JOIN UNNEST(slices) AS s(slice)
  GROUP BY period, slice, grp, labels
),
sums AS (
  SELECT period, slice, label, grp, sum(n) AS n, sum(w) AS w, sum(ww) AS ww, 0e0 AS wx, 0e0 AS wxx
  FROM flags CROSS JOIN UNNEST(split(labels, ';')) AS l(label)
  GROUP BY period, slice, label, grp
)"""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of each share of missing or default values, whole and by slice."""
    del context
    require_both_periods(distributions, of="items as served")
    rises = [
        Rise(found, f"{cell}_share", (cell,))
        for found in distributions
        if found.subject not in found.slice
        for cell in _CELLS
        if cell in found.cells
    ]
    return rise_checks(rises, floors=_FLOORS, of_items=True)


AUDIT = Audit(
    name="null_default_share",
    question="Are raw item features suddenly missing, zero, empty or all the same?",
    component="item_features",
    severity="high",
    owner="catalogue",
    runbook="Ask the supplier of the named slice; override or mask the feature meanwhile.",
    tables=_TABLES,
    judge=judge,
    joins_periods=True,  # the common value is the window's
    test="rise of a share of counted items, exact against a quarter of its floor",
    floors=_FLOORS,
    slices=("source", "language", "genre"),
    explained_by=(Root("catalogue_size"), Root("launch_metadata")),
)
