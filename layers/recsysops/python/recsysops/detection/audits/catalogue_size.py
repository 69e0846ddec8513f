"""Is a part of the catalogue that we serve missing?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
    # inside one supplier, language or genre: half of its tenth
    "lost_items_share.slice": 0.05,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the share of items that are no longer served, whole and by part of the catalogue."""
    del context
    require_both_periods(distributions, of="items as served")
    [whole] = [found for found in distributions if not found.slice]
    gone = max(0.0, float(whole.reference.weights.sum() - whole.window.weights.sum()))
    parts = [f for f in distributions if f.slice and f.reference.effective >= LEAST_ROWS]
    return [*_checks([whole], at_most=gone), *_checks(parts, at_most=gone)]


def _checks(distributions: Sequence[Distribution], *, at_most: float) -> Iterator[Check]:
    """No part lost more items than the whole: the others moved to another part, by a changed
    language or genre, which is another audit's matter."""
    if not distributions:
        return
    before = np.stack([found.reference.whole for found in distributions])
    now = np.stack([found.window.whole for found in distributions])
    lost = compare_lost_share(before, now)
    for place, found in enumerate(distributions):
        floor = "lost_items_share.slice" if found.slice else "lost_items_share"
        total = before[place].sum()
        yield Check(
            metric="lost_items_share",
            subject="catalogue",
            slice=found.slice,
            baseline=0.0,
            observed=float(lost.value[place]),
            effect=float(min(lost.value[place], at_most / total)),
            effect_floor=_FLOORS[floor],
            p_value=float(lost.p_value[place]),
            nested=bool(found.slice),
            evidence={"items_before": float(total), "items_now": float(now[place].sum())},
        )


AUDIT = Audit(
    name="catalogue_size",
    question="Is a part of the catalogue that we serve missing?",
    component="upstream",
    severity="critical",
    owner="catalogue",
    runbook="Compare the named part with the supplier's last delivery; publish again with it.",
    tables=_TABLES,
    judge=judge,
    test="share of items lost, delete-a-group jackknife over items with a binomial floor",
    floors=_FLOORS,
    slices=("source", "language", "genre"),
    baseline="frozen",
    depth=3,
)
