"""Tests the rise of shares that are faults when they rise, whole and by slice, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change, floor_of
from recsysops.detection.checks import Check
from recsysops.detection.compare import item_share_changes, share_changes
from recsysops.detection.thresholds import LEAST_ROWS

_TOLERATED: Final = 0.25
"""Share of its floor that a share of items may rise by unnoticed."""


@dataclass(frozen=True, slots=True)
class Rise:
    """One share that is watched: the rows of some cells among all rows of a distribution.

    cells: names of the counted cells; one that is missing counts as never seen.
    subject: what the share speaks of, the distribution's own by default.
    """

    found: Distribution
    metric: str
    cells: Sequence[str]
    subject: str = ""
    slice: Mapping[str, str] = field(default_factory=dict)


def rise_checks(
    rises: Sequence[Rise], *, floors: Mapping[str, float], of_items: bool = False
) -> list[Check]:
    """Test the shares; a slice with too few rows in a period is left out.

    floors: metric → least rise of the whole, 'metric.slice' → that of a slice if it differs.
    of_items: rows are items, which keep what they are: a rise is tested against a quarter of its
    floor, which is tolerated.
    """
    tested = [rise for rise in rises if rise.found.is_supported(LEAST_ROWS)]
    pairs = [rise.found.share_of(rise.found.places_of(*rise.cells)) for rise in tested]
    tolerated = [
        _TOLERATED * floor_of(rise.metric, sliced=bool(rise.found.slice), floors=floors)
        for rise in tested
    ]
    changes = item_share_changes(pairs, tolerated=tolerated) if of_items else share_changes(pairs)
    return [
        check_change(
            rise.found,
            change,
            metric=rise.metric,
            floors=floors,
            subject=rise.subject,
            place=rise.slice,
        )
        for rise, change in zip(tested, changes, strict=True)
    ]
