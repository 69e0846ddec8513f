"""Are the values of raw item features still spread as they were?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, distribution_change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.detection.sql import QUANTILE_BINS
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import (
    CATEGORY_CHANGE_FLOOR,
    CATEGORY_LEAST_ITEMS,
    CATEGORY_SHARE_FLOOR,
    JS_FLOOR,
    KS_FLOOR,
    LEAST_ROWS,
    PSI_FLOOR,
)

_NUMERIC = ("year", "price")
_FLOORS = {
    "distribution_ks": KS_FLOOR,
    "distribution_psi": PSI_FLOOR,
    "distribution_js": JS_FLOOR,
    "category_vanished": CATEGORY_CHANGE_FLOOR,
    "category_unseen": CATEGORY_CHANGE_FLOOR,
    "category_share": CATEGORY_SHARE_FLOOR,
    "category_share.relative": CATEGORY_CHANGE_FLOOR,
}
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
    wholes = [_whole_check(found) for found in supported]
    return [*wholes, *_category_checks([f for f in supported if f.subject not in _NUMERIC])]


def _whole_check(found: Distribution) -> Check:
    numeric = found.subject in _NUMERIC
    change = distribution_change(found, ordered=numeric)
    measures = (
        [("distribution_ks", change.ks), ("distribution_psi", change.psi)]
        if numeric
        else [("distribution_js", change.js)]
    )
    metric, effect = max(measures, key=lambda measure: measure[1] / _FLOORS[measure[0]])
    return Check(
        metric=metric,
        subject=found.subject,
        slice=found.slice,
        baseline=change.baseline,
        observed=change.observed,
        effect=effect,
        effect_floor=_FLOORS[metric],
        p_value=change.p_value,
        nested=bool(found.slice),
        evidence={
            "cell": change.cell,
            "cells_are": f"{QUANTILE_BINS} quantile bins of the reference" if numeric else "values",
            **{name.removeprefix("distribution_"): value for name, value in measures},
        },
    )


def _category_checks(distributions: Sequence[Distribution]) -> list[Check]:
    tested = [(found, cell) for found in distributions for cell in _worthy_cells(found)]
    changes = share_changes([found.share_of([place]) for found, place in tested])
    return [
        _category_check(found, found.cells[place], change)
        for (found, place), change in zip(tested, changes, strict=True)
    ]


def _worthy_cells(found: Distribution) -> Iterator[int]:
    for place in range(len(found.cells)):
        larger = max(found.reference.weights[place], found.window.weights[place])
        if larger >= CATEGORY_LEAST_ITEMS:
            yield place


def _category_check(found: Distribution, category: str, change: Change) -> Check:
    metric, effect, floor = _category_measure(change)
    return Check(
        metric=metric,
        subject=found.subject,
        slice={**found.slice, found.subject: category},
        baseline=change.baseline,
        observed=change.observed,
        effect=effect,
        effect_floor=floor,
        p_value=change.p_value,
        nested=bool(found.slice),
    )


def _category_measure(change: Change) -> tuple[str, float, float]:
    """Return metric, effect and floor: gone or new, else the larger of relative and absolute."""
    relative = abs(change.increase) / max(change.baseline, change.observed)
    if relative == 1.0:
        kind = "unseen" if change.baseline == 0 else "vanished"
        return f"category_{kind}", relative, _FLOORS[f"category_{kind}"]
    measures = [
        ("category_share", relative, _FLOORS["category_share.relative"]),
        ("category_share", abs(change.increase), _FLOORS["category_share"]),
    ]
    return max(measures, key=lambda measure: measure[1] / measure[2])


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
    test="binned KS and PSI, Jensen-Shannon, shares of categories; jackknife over items",
    floors=_FLOORS,
    slices=("source",),
    baseline="frozen",
    explained_by=(Root("stale_batch", subjects=_VOLATILE, same_slice=True),),
    telling=("category_vanished", "category_unseen"),
)
