"""Are the values of raw item features still spread as they were?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, distribution_change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
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

_TABLES = """
{items_as_served},
edges AS (
  SELECT approx_percentile(CAST(year AS double), {quantiles}) AS year_edges,
         approx_percentile(price, {quantiles}) AS price_edges
  FROM items WHERE period = 'reference'
),
labelled AS (
  SELECT period, item_group AS grp, weight, ARRAY['all', 'source=' || source] AS slices,
    ARRAY[
      'year=' || coalesce(CAST(width_bucket(CAST(year AS double), year_edges) AS varchar), 'none'),
      'price=' || coalesce(CAST(width_bucket(price, price_edges) AS varchar), 'none'),
      'language=' || coalesce(language, 'none'),
      'in_stock=' || CASE WHEN in_stock IS NULL THEN 'none' WHEN in_stock THEN 'yes' ELSE 'no' END
    ] || transform(genres, genre -> 'genres=' || genre) AS labels
  FROM items CROSS JOIN edges
),
cells AS (
  SELECT period, slice, label, grp, weight, 0e0 AS x
  FROM labelled CROSS JOIN UNNEST(slices) AS s(slice) CROSS JOIN UNNEST(labels) AS l(label)
)"""


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
        [("ks", change.ks, KS_FLOOR), ("psi", change.psi, PSI_FLOOR)]
        if numeric
        else [("js", change.js, JS_FLOOR)]
    )
    metric, effect, floor = max(measures, key=lambda measure: measure[1] / measure[2])
    return Check(
        metric=f"distribution_{metric}",
        subject=found.subject,
        slice=found.slice,
        baseline=change.baseline,
        observed=change.observed,
        effect=effect,
        effect_floor=floor,
        p_value=change.p_value,
        nested=bool(found.slice),
        evidence={
            "cell": change.cell,
            "cells_are": f"{QUANTILE_BINS} quantile bins of the reference" if numeric else "values",
            **{name: value for name, value, _ in measures},
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
        return f"category_{kind}", relative, CATEGORY_CHANGE_FLOOR
    measures = [
        ("category_share", relative, CATEGORY_CHANGE_FLOOR),
        ("category_share", abs(change.increase), CATEGORY_SHARE_FLOOR),
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
)
