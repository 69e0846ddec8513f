"""Tests the rise of shares that are faults when they rise, whole and by slice, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.thresholds import LEAST_ROWS


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
    of_items: rows are items, see `share_changes`.
    """
    tested = [rise for rise in rises if rise.found.is_supported(LEAST_ROWS)]
    changes = share_changes(
        [rise.found.share_of(rise.found.places_of(*rise.cells)) for rise in tested],
        of_items=of_items,
    )
    return [
        replace(
            check_change(
                rise.found, change, metric=rise.metric, floors=floors, subject=rise.subject
            ),
            slice={**rise.found.slice, **rise.slice},
        )
        for rise, change in zip(tested, changes, strict=True)
    ]
