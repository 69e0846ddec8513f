"""Is a part of the catalogue that we serve missing?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median_low

import numpy as np

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS
from recsysops.statistics.totals import compare_lost_share

_TABLES = """
{items_as_served},
cells AS (
  SELECT period, slice, 'catalogue=items' AS label, item_group AS grp, weight, 0e0 AS x
  FROM items CROSS JOIN UNNEST(
    ARRAY['all', 'source=' || source, 'language=' || coalesce(language, 'none')]
      || transform(genres, genre -> 'genre=' || genre)) AS s(slice)
)"""

_FLOORS: Mapping[str, float] = {
    # suppliers withdraw a few items a night; a lost partition of one in ten is five times this
    "lost_items_share": 0.02,
    # inside one supplier, language or genre: half of its tenth. A tenth of 300 items (the smallest
    # supplier of the gauntlet's worlds) is found among 1,000 slices (p <= 1e-7) with probability
    # 0.995: 18 that went decide, 30 are to be expected
    "lost_items_share.slice": 0.05,
}
_TOLERATED = 0.25
"""Of the floor: what suppliers withdraw all the time, against which a loss is tested."""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the share of items that are no longer served, whole and by part of the catalogue."""
    del context
    require_both_periods(distributions, of="items as served")
    [whole] = [found for found in distributions if not found.slice]
    checks = [*_checks([whole], at_most=math.inf)]
    for dimension in ("source", "language", "genre"):
        parts = [
            one
            for one in distributions
            if dimension in one.slice and one.reference.effective >= LEAST_ROWS
        ]
        if parts:
            checks += _checks(parts, at_most=_most_gone(whole, parts))
    return checks


def _most_gone(whole: Distribution, parts: Sequence[Distribution]) -> float:
    """Return how many items can have gone at most: the others moved to another part, by a changed
    language or genre, which is another audit's matter.

    No part lost more than the whole, and than the whole lacks when parts usually grew: launches
    make up for what is gone in the total, but they come everywhere.
    """
    before, now = (float(sums.weights.sum()) for sums in (whole.reference, whole.window))
    grew = median_low(
        float(part.window.weights.sum() / part.reference.weights.sum()) for part in parts
    )
    return max(before * max(grew, 1.0) - now, 0.0)


def _checks(distributions: Sequence[Distribution], *, at_most: float) -> Iterator[Check]:
    floors = [_floor_of(found) for found in distributions]
    before = np.stack([found.reference.whole for found in distributions])
    now = np.stack([found.window.whole for found in distributions])
    lost = compare_lost_share(before, now, tolerated=_TOLERATED * floors[0])
    for place, found in enumerate(distributions):
        total = before[place].sum()
        yield Check(
            metric="lost_items_share",
            subject="catalogue",
            slice=found.slice,
            baseline=0.0,
            observed=float(lost.value[place]),
            effect=float(min(lost.value[place], at_most / total)),
            effect_floor=floors[place],
            p_value=float(lost.p_value[place]),
            nested=bool(found.slice),
            evidence={"items_before": float(total), "items_now": float(now[place].sum())},
        )


def _floor_of(found: Distribution) -> float:
    return _FLOORS["lost_items_share.slice" if found.slice else "lost_items_share"]


AUDIT = Audit(
    name="catalogue_size",
    question="Is a part of the catalogue that we serve missing?",
    component="upstream",
    severity="critical",
    owner="catalogue",
    runbook="Compare the named part with the supplier's last delivery; publish again with it.",
    tables=_TABLES,
    judge=judge,
    test="share of items lost, exact binomial above a quarter of the floor",
    floors=_FLOORS,
    slices=("source", "language", "genre"),
    baseline="frozen",
    depth=3,
)
