"""How far one feature moved, as checks: numbers by binned KS and PSI, categories one by one.

Audits of the lake and checks of a table file share these, so that both say the same of the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, distribution_change, share_changes
from recsysops.detection.sql import QUANTILE_BINS
from recsysops.detection.thresholds import (
    CATEGORY_CHANGE_FLOOR,
    CATEGORY_LEAST_ITEMS,
    CATEGORY_SHARE_FLOOR,
    JS_FLOOR,
    KS_FLOOR,
    PSI_FLOOR,
)

DRIFT_FLOORS = {
    "distribution_ks": KS_FLOOR,
    "distribution_psi": PSI_FLOOR,
    "distribution_js": JS_FLOOR,
    "category_vanished": CATEGORY_CHANGE_FLOOR,
    "category_unseen": CATEGORY_CHANGE_FLOOR,
    "category_share": CATEGORY_SHARE_FLOOR,
    "category_share.relative": CATEGORY_CHANGE_FLOOR,
}
"""Published effect floors by metric; relative: loss or gain as a share of the larger side."""


def distribution_check(found: Distribution, *, numeric: bool, of_items: bool = False) -> Check:
    """Test a whole distribution; of several measures the one furthest above its floor is told.

    Numeric cells must be ascending bins; their KS distance sees a shift, PSI a full bin.
    Categories are measured by Jensen-Shannon. of_items: rows are items, see `share_changes`.
    """
    change = distribution_change(found, ordered=numeric, of_items=of_items)
    measures = (
        [("distribution_ks", change.ks), ("distribution_psi", change.psi)]
        if numeric
        else [("distribution_js", change.js)]
    )
    metric, effect = max(measures, key=lambda measure: measure[1] / DRIFT_FLOORS[measure[0]])
    return Check(
        metric=metric,
        subject=found.subject,
        slice=found.slice,
        baseline=change.baseline,
        observed=change.observed,
        effect=effect,
        effect_floor=DRIFT_FLOORS[metric],
        p_value=change.p_value,
        nested=bool(found.slice),
        evidence={
            "cell": change.cell,
            "cells_are": f"{QUANTILE_BINS} quantile bins of the reference" if numeric else "values",
            **{name.removeprefix("distribution_"): value for name, value in measures},
        },
    )


def category_checks(
    distributions: Sequence[Distribution], *, least: float = CATEGORY_LEAST_ITEMS
) -> list[Check]:
    """Test every category that is worth `least` rows on its larger side."""
    tested = [(found, cell) for found in distributions for cell in _worthy_cells(found, least)]
    changes = share_changes([found.share_of([place]) for found, place in tested])
    return [
        _category_check(found, found.cells[place], change)
        for (found, place), change in zip(tested, changes, strict=True)
    ]


def _worthy_cells(found: Distribution, least: float) -> Iterator[int]:
    for place in range(len(found.cells)):
        if max(found.reference.weights[place], found.window.weights[place]) >= least:
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
        return f"category_{kind}", relative, DRIFT_FLOORS[f"category_{kind}"]
    measures = [
        ("category_share", relative, DRIFT_FLOORS["category_share.relative"]),
        ("category_share", abs(change.increase), DRIFT_FLOORS["category_share"]),
    ]
    return max(measures, key=lambda measure: measure[1] / measure[2])
