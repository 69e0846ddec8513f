"""Do items launch without the metadata that ranking needs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root

_LAUNCHES, _OTHERS = "launches", "others"
LEAST_LAUNCHES = 10.0
"""Fewer launches around a period, and nothing is said of them."""

_TABLES = """
{items_as_served},
described AS (
  SELECT period, item_group AS grp, weight, source,
    coalesce(date_diff('day', CAST(launch_date AS date), CAST(
      CASE WHEN period = 'window' THEN {window_end} ELSE {reference_end} END AS date))
      BETWEEN -{days_before} AND {days_after}, false) AS launches,
    cardinality(genres) = 0 AS lacks_genres,
    year IS NULL OR year = 0 AS lacks_year,
    language IS NULL OR trim(language) = '' AS lacks_language
  FROM items
),
labelled AS (
  SELECT period, grp, weight, ARRAY['all', 'source=' || source] AS slices,
    CASE WHEN launches THEN 'launches' ELSE 'others' END AS side,
    ARRAY['=' || CASE WHEN lacks_genres OR lacks_year OR lacks_language THEN 'incomplete'
                      ELSE 'complete' END,
          ':genres=' || CASE WHEN lacks_genres THEN 'missing' ELSE 'there' END,
          ':year=' || CASE WHEN lacks_year THEN 'missing' ELSE 'there' END,
          ':language=' || CASE WHEN lacks_language THEN 'missing' ELSE 'there' END] AS labels
  FROM described
),
cells AS (
  SELECT period, slice, side || label AS label, grp, weight, 0e0 AS x
  FROM labelled CROSS JOIN UNNEST(slices) AS s(slice) CROSS JOIN UNNEST(labels) AS l(label)
)"""
# items that launched long ago lose a feature with everybody: the launches' own lack is what counts

_FLOORS: Mapping[str, float] = {
    # launches are few: at twice this, 30 of 100, chance is out of the question
    "incomplete_share": 0.15,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the rise of the share of launches that lack a feature, beyond that of other items.

    Which feature is evidence. A period with few launches says nothing, which is no fault.
    """
    del context
    others = {found.slice_name: _rise(found) for found in distributions if found.subject == _OTHERS}
    tested = [
        found
        for found in distributions
        if found.subject == _LAUNCHES and found.is_supported(LEAST_LAUNCHES)
    ]
    changes = share_changes([found.share_of(found.places_of("incomplete")) for found in tested])
    return [
        check_change(
            found,
            change,
            metric="incomplete_share",
            floors=_FLOORS,
            effect=change.increase - max(others.get(found.slice_name, 0.0), 0.0),
            subject="launch_metadata",
            evidence={"missing": _missing_shares(distributions, found.slice_name)},
        )
        for found, change in zip(tested, changes, strict=True)
    ]


def _rise(found: Distribution) -> float:
    places = found.places_of("incomplete")
    return _share(found.window, places) - _share(found.reference, places)


def _missing_shares(distributions: Sequence[Distribution], slice_name: str) -> dict[str, float]:
    """Return which share of the window's launches lacks which feature."""
    return {
        found.subject.removeprefix(f"{_LAUNCHES}:"): round(
            _share(found.window, found.places_of("missing")), 4
        )
        for found in distributions
        if found.slice_name == slice_name and found.subject.startswith(f"{_LAUNCHES}:")
    }


def _share(sums: Sums, places: Sequence[int]) -> float:
    return float(sums.weights[list(places)].sum() / max(float(sums.weights.sum()), 1e-12))


AUDIT = Audit(
    name="launch_metadata",
    question="Do items launch without the metadata that ranking needs?",
    component="item_features",
    severity="high",
    owner="catalogue",
    runbook="Ask the supplier for the named features before the launch; override them meanwhile.",
    tables=_TABLES,
    parameters={"days_after": 7, "days_before": 14},
    judge=judge,
    needs_reference=False,
    test="two-proportion, delete-a-group jackknife over items with a binomial floor",
    floors=_FLOORS,
    slices=("source",),
    depth=4,
    explained_by=(Root("catalogue_size"), Root("stale_batch", same_slice=True)),
)
