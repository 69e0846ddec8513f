"""When there is too little to judge, said so rather than passed."""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.detection.cells import PERIODS, Distribution
from recsysops.errors import CouldNotJudge


def require_both_periods(distributions: Sequence[Distribution], *, of: str) -> None:
    """Check that both periods have rows. Raises: CouldNotJudge naming the empty one."""
    for period in PERIODS:
        if not any(getattr(found, period).rows.sum() > 0 for found in distributions):
            raise CouldNotJudge(f"could not judge, because the {period} has no {of}")
