"""Are there values that a feature cannot have, as when columns are swapped or units change?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.roots import Root
from recsysops.detection.support import require_both_periods

_FIRST_FILM = 1870
_YEARS_AHEAD = 10
_FAR = 5.0
"""A price is out of range when it is so many times outside the inner 90 % of the reference."""

_TABLES = """
{items_as_served},
{edges},
labelled AS (
  SELECT period, item_group AS grp, weight,
    ARRAY['all', 'source=' || source, 'language=' || coalesce(language, 'none')] AS slices,
    ARRAY[
      CASE WHEN year <> 0 AND (year < {first_film} OR year > {years_ahead} + year({window_end}))
           THEN 'year=out_of_range' ELSE 'year=fine' END,
      CASE WHEN price < 0e0 OR price > {far} * p.bins[cardinality(p.bins)]
             OR (price > 0e0 AND price < p.bins[1] / {far})
           THEN 'price=out_of_range' ELSE 'price=fine' END,
      CASE WHEN trim(language) = '' OR regexp_like(language, '^[a-z]{2,3}(-[A-Za-z]{2,4})?$')
             OR language IS NULL
           THEN 'language=fine' ELSE 'language=malformed' END,
      CASE WHEN length(title) > 3 AND NOT regexp_like(title, '[^0-9.]')
           THEN 'title=malformed' ELSE 'title=fine' END,
      CASE WHEN any_match(genres, genre -> regexp_like(genre, '^[a-z]{2,3}$|^[0-9.]+$'))
           THEN 'genres=malformed' ELSE 'genres=fine' END
    ] AS labels
  FROM items LEFT JOIN edges p ON p.subject = 'price'
),
cells AS (
  SELECT period, slice, label, grp, weight, 0e0 AS x
  FROM labelled CROSS JOIN UNNEST(slices) AS s(slice) CROSS JOIN UNNEST(labels) AS l(label)
)"""

_FLOORS: Mapping[str, float] = {
    # impossible values hardly occur; one in ten of a column stands at five times the floor
    "out_of_range_share": 0.02,
    "malformed_share": 0.02,
    # a tenth of one supplier or language stands at twice the floor
    "out_of_range_share.slice": 0.05,
    "malformed_share.slice": 0.05,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of each share of impossible values, whole and by slice."""
    del context
    require_both_periods(distributions, of="items as served")
    rises = [
        Rise(found, f"{cell}_share", (cell,))
        for found in distributions
        if found.subject not in found.slice
        for cell in found.cells
        if cell != "fine"
    ]
    return rise_checks(rises, floors=_FLOORS, of_items=True)


AUDIT = Audit(
    name="feature_ranges",
    question="Are there values that a feature cannot have?",
    component="item_features",
    severity="high",
    owner="catalogue",
    runbook="Look for swapped columns or another unit in the named slice's delivery; override.",
    tables=_TABLES,
    parameters={"first_film": _FIRST_FILM, "years_ahead": _YEARS_AHEAD, "far": _FAR},
    judge=judge,
    to_bin="SELECT 'price' AS subject, price AS x FROM items WHERE period = 'reference'",
    test="rise of a share of counted items, exact against a quarter of its floor",
    floors=_FLOORS,
    slices=("source", "language"),
    baseline="frozen",
    explained_by=(Root("catalogue_size"),),
    telling=("out_of_range_share", "malformed_share"),
)
