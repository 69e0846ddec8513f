"""90 % intervals from the errors of past launches: split-conformal, in groups, by launch week.

Launches of one week share a market and a model. So every launch week weighs the same, however
many launches it had, and a group needs enough weeks, not only enough launches.
Sources: Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005), for groups
(Mondrian); Romano, Patterson & Candes, Conformalized quantile regression (2019), for the score;
Dunn, Wasserman & Ramdas, Distribution-free prediction sets for two-layer hierarchical models
(arXiv 1809.07441), for pooling the weeks' distributions. The stricter hierarchical quantile of
Lee, Barber & Willett (arXiv 2306.06342) covered 94 % here where 90 % was asked: it guards against
weeks whose launches are all alike, which they are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from recsysops.errors import BadInput, CouldNotJudge
from recsysops.model.kernel import Float64Array

MISCOVERAGE = 0.1
MIN_LAUNCHES = 30


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """The conformity score of one past launch: its group, and the week it launched in."""

    group: str
    week: str
    score: float


@dataclass(frozen=True, slots=True)
class IntervalCalibration:
    """Margins by group; `refusals` says why a group has none."""

    margins: Mapping[str, float]
    refusals: Mapping[str, str]

    def interval(self, group: str, *, low: float, share: float, high: float) -> tuple[float, float]:
        """Return the calibrated interval of a forecast, within [0, 1], the forecast inside.

        Raises: CouldNotJudge when the group has too few past launches.
        """
        if group not in self.margins:
            raise CouldNotJudge(
                self.refusals.get(group, f"no past launch of the group '{group}' is known")
            )
        margin = self.margins[group] * width_scale(low, high)
        # a margin below zero narrows, but never past the forecast itself
        return max(0.0, min(low - margin, share)), min(1.0, max(high + margin, share))


def group_of(*, release: bool, crosses_upgrade: bool) -> str:
    """Name the group a forecast is calibrated in.

    >>> group_of(release=True, crosses_upgrade=False)
    'new release, same model'
    """
    kind = "new release" if release else "back catalogue"
    return f"{kind}, {'model upgrade' if crosses_upgrade else 'same model'}"


def launch_week(day: date) -> str:
    """Name the calendar week of a launch, the unit in which errors are exchangeable.

    >>> launch_week(date(2026, 1, 1))
    '2026-01'
    """
    calendar = day.isocalendar()
    return f"{calendar.year}-{calendar.week:02d}"


def width_scale(low: float, high: float) -> float:
    """Return the unit of conformity scores: the raw width plus two points of share."""
    return high - low + 0.02


def conformity_score(*, low: float, high: float, outcome: float) -> float:
    """Return how far outside [low, high] the outcome fell, in units of the raw width.

    Negative inside. An end at 0 or 1 cannot be passed and does not count: else every share of
    exactly 0 would lie on the edge, and the many of them would make intervals too wide.

    Raises: BadInput when low is above high or a value is not finite.
    """
    if not all(map(math.isfinite, (low, high, outcome))) or low > high:
        raise BadInput(f"no interval: low {low}, high {high}, outcome {outcome}")
    below = low - outcome if low > 0.0 else -math.inf
    above = outcome - high if high < 1.0 else -math.inf
    return max(below, above, -1.0) / width_scale(low, high)


def conformal_quantile(
    scores: Sequence[float] | Float64Array,
    weeks: Sequence[str],
    *,
    miscoverage: float = MISCOVERAGE,
) -> float:
    """Return the smallest score q with enough weight at or below it.

    Of n launches in W weeks, each week weighs n / (n + 1) / W, shared evenly among its launches;
    the missing 1 / (n + 1) stands at infinity. With one launch a week this is the usual split-
    conformal quantile, the ceil((n + 1)(1 - miscoverage))-th smallest score.

    Raises: CouldNotJudge when there are too few weeks, 9 for a miscoverage of 0.1.
    """
    names, week_of, sizes = np.unique(np.asarray(weeks), return_inverse=True, return_counts=True)
    needed = math.ceil(1.0 / miscoverage - 1e-9) - 1
    if len(names) < needed:
        raise CouldNotJudge(
            f"{len(names)} launch weeks cannot support a {1 - miscoverage:.0%} interval; "
            f"at least {needed} are needed"
        )
    values = np.asarray(scores, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    weight = len(values) / (len(values) + 1.0) / (len(names) * sizes[week_of])
    reached = np.cumsum(weight[order]) >= 1.0 - miscoverage - 1e-12
    return float(values[order[int(np.argmax(reached))]])


def calibrate(
    points: Iterable[CalibrationPoint], *, miscoverage: float = MISCOVERAGE
) -> IntervalCalibration:
    """Return margins of all groups with at least MIN_LAUNCHES launches in enough weeks."""
    by_group: dict[str, list[CalibrationPoint]] = {}
    for point in points:
        by_group.setdefault(point.group, []).append(point)
    margins: dict[str, float] = {}
    refusals: dict[str, str] = {}
    for group, members in by_group.items():
        try:
            margins[group] = _margin(group, members, miscoverage)
        except CouldNotJudge as refusal:
            refusals[group] = str(refusal)
    return IntervalCalibration(margins, refusals)


def _margin(group: str, members: Sequence[CalibrationPoint], miscoverage: float) -> float:
    if len(members) < MIN_LAUNCHES:
        raise CouldNotJudge(
            f"{len(members)} past launches of the group '{group}' are too few; "
            f"at least {MIN_LAUNCHES} are needed"
        )
    return conformal_quantile(
        [point.score for point in members],
        [point.week for point in members],
        miscoverage=miscoverage,
    )
