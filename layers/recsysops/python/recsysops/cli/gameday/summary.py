"""What a game day came to: found and time to it by fault and magnitude, false incidents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from recsysops.cli.gameday.grading import NO_FAULT, WorldRow
from recsysops.simulation.gauntlet.fault_file import TIMES_FLOOR, Magnitude

PROMISED: tuple[Magnitude, ...] = ("middle", "large")
FOUND_LIMIT = 0.95
WINDOWS_LIMIT = 1.0
FALSE_PER_WEEK_LIMIT = 0.1


@dataclass(frozen=True, slots=True)
class Summary:
    """found: share of worlds with a fault by magnitude; windows: median until found.

    false_per_week: false incidents per quiet week, None when no week was run.
    """

    found: dict[Magnitude, float]
    windows: dict[Magnitude, float]
    quiet_weeks: int
    false_per_week: float | None

    @property
    def ok(self) -> bool:
        """Whether what is promised was reached: the smallest magnitude is only reported."""
        found = all(self.found.get(size, 1.0) >= FOUND_LIMIT for size in PROMISED)
        quick = all(self.windows.get(size, 0.0) <= WINDOWS_LIMIT for size in PROMISED)
        return found and quick and (self.false_per_week or 0.0) <= FALSE_PER_WEEK_LIMIT


def summarise(rows: Sequence[WorldRow]) -> Summary:
    """Sum up all worlds."""
    quiet = [row for row in rows if row.fault == NO_FAULT]
    by_size = {size: [row for row in rows if row.magnitude == size] for size in TIMES_FLOOR}
    return Summary(
        found={size: _found_share(mine) for size, mine in by_size.items() if mine},
        windows={size: _median_windows(mine) for size, mine in by_size.items() if _found(mine)},
        quiet_weeks=len(quiet),
        false_per_week=(sum(row.false_incidents for row in quiet) / len(quiet) if quiet else None),
    )


def table_of(rows: Sequence[WorldRow]) -> list[dict[str, object]]:
    """Return one line per fault: found and median windows at every magnitude."""
    names = sorted({row.fault for row in rows} - {NO_FAULT})
    return [{"fault": name, **_line([row for row in rows if row.fault == name])} for name in names]


def _line(rows: Sequence[WorldRow]) -> dict[str, object]:
    line: dict[str, object] = {}
    for size in TIMES_FLOOR:
        mine = [row for row in rows if row.magnitude == size]
        found = _found(mine)
        line[size] = f"{len(found)}/{len(mine)}"
        line[f"windows, {size}"] = _median_windows(mine) if found else "-"
    return line


def _found(rows: Iterable[WorldRow]) -> list[WorldRow]:
    return [row for row in rows if row.found]


def _found_share(rows: Sequence[WorldRow]) -> float:
    return len(_found(rows)) / len(rows)


def _median_windows(rows: Sequence[WorldRow]) -> float:
    return float(median(row.windows or 0 for row in _found(rows)))
