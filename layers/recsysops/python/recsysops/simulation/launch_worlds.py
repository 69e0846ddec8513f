"""The worlds in which launch forecasts are checked, written down before any result was seen.

Thresholds may be set on the seeds 0-9 of `base` alone; every world is reported on new seeds. Each
other world moves one thing that nobody could measure, or all of them against the forecasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Hardness:
    """What a world multiplies: how often suppliers err, how many days they take to repair, how
    far luck moves a launch."""

    errors: float = 1.0
    repair_days: float = 1.0
    luck: float = 1.0


BASE_WORLD = "base"

LAUNCH_WORLDS: Mapping[str, Hardness] = MappingProxyType(
    {
        BASE_WORLD: Hardness(),
        "errors x0.5": Hardness(errors=0.5),
        "errors x2": Hardness(errors=2.0),
        "repair x0.5": Hardness(repair_days=0.5),
        "repair x2": Hardness(repair_days=2.0),
        "luck x0.7": Hardness(luck=0.7),
        "luck x1.4": Hardness(luck=1.4),
        "all against": Hardness(errors=0.5, repair_days=0.5, luck=1.4),
    }
)
