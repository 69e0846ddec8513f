"""How many plays a launch will get in its first week, learned from comparable past launches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import CouldNotJudge
from recsysops.model.kernel import Float64Array
from recsysops.vocabulary import ItemFeatures, PastLaunch

WEEK_DAYS = 7
MIN_PAST_LAUNCHES = 30
RELEASE_MAX_AGE_YEARS = 1
_RIDGE = 3.0
_RECENCY_HALF_LIFE_DAYS = 120.0
_LEVEL_HALF_LIFE_DAYS = 21.0
_LEVEL_SHRINKAGE = 10.0
_MIN_GROUP = 20


@dataclass(frozen=True, slots=True)
class FirstWeekModel:
    """A ridge regression of log(1 + first-week plays) with its leave-one-out residuals.

    columns: names of the design's columns; weights: (p,); residuals: ascending, for new releases
    and for the rest; profile: share of the week's plays by day, (7,), sums to 1.
    """

    columns: tuple[str, ...]
    weights: Float64Array
    release_residuals: Float64Array
    other_residuals: Float64Array
    profile: Float64Array
    newest_year: int

    def predict_log_plays(
        self, item: ItemFeatures, anticipation: float | None, *, quantile: float
    ) -> float:
        """Return a quantile of log(1 + plays in the first week)."""
        return float(self.predict_cases(item, anticipation, quantiles=(quantile,))[0])

    def predict_cases(
        self, item: ItemFeatures, anticipation: float | None, *, quantiles: Sequence[float]
    ) -> Float64Array:
        """Return quantiles of log(1 + plays in the first week), (quantiles,)."""
        row = _design_row(item, anticipation, newest_year=self.newest_year)
        centre = float(self.weights @ np.array([row.get(name, 0.0) for name in self.columns]))
        release = is_release(item, newest_year=self.newest_year)
        residuals = self.release_residuals if release else self.other_residuals
        cases: Float64Array = centre + np.quantile(residuals, quantiles)
        return cases

    def decayed_plays(
        self, log_plays: float, *, age_days: int, half_life_days: Sequence[float]
    ) -> Float64Array:
        """Return plays decayed to the start of day `age_days` of the item's life, one per
        half-life; a play counts from the middle of its day. Age 0 gives zeros."""
        lived = min(age_days, WEEK_DAYS)
        waited = age_days - np.arange(lived) - 0.5
        decay = 0.5 ** (waited[:, None] / np.asarray(half_life_days)[None, :])
        total = max(0.0, float(np.expm1(log_plays)))
        decayed: Float64Array = total * (self.profile[:lived] @ decay)
        return decayed


def is_release(item: ItemFeatures, *, newest_year: int) -> bool:
    """Say whether an item is a new release, not an addition from the back catalogue."""
    return item.year is not None and item.year >= newest_year - RELEASE_MAX_AGE_YEARS


def fit_first_week(past: Sequence[PastLaunch], *, today: date, newest_year: int) -> FirstWeekModel:
    """Learn first-week plays from past launches, recent ones weighing more (120-day half-life).

    Features: anticipation, new release or not, supplier, language, genres. Residuals are leave-
    one-out, r / (1 - leverage), so their quantiles tell how far off a forecast is.

    Raises: CouldNotJudge when fewer than MIN_PAST_LAUNCHES launches are known.
    """
    if len(past) < MIN_PAST_LAUNCHES:
        raise CouldNotJudge(
            f"{len(past)} past launches are too few to expect a first week from; "
            f"at least {MIN_PAST_LAUNCHES} are needed"
        )
    rows = [_design_row(p.item, p.anticipation, newest_year=newest_year) for p in past]
    columns = _frequent_columns(rows)
    design = np.array([[row.get(name, 0.0) for name in columns] for row in rows])
    target = np.log1p([sum(launch.daily_plays) for launch in past])
    age_days = np.array([(today - launch.launched_on).days for launch in past])
    importance = 0.5 ** (np.maximum(age_days, 0) / _RECENCY_HALF_LIFE_DAYS)
    weights, residuals = _ridge(design, target, importance, free=columns.index("one"))
    # the market drifts: the weeks just past set the level, all weeks the spread around it
    weights[columns.index("one")] += _recent_level(residuals, age_days)
    residuals -= np.median(residuals)
    release = np.array([is_release(p.item, newest_year=newest_year) for p in past])
    return FirstWeekModel(
        columns=columns,
        weights=weights,
        release_residuals=_of_group(residuals, release),
        other_residuals=_of_group(residuals, ~release),
        profile=_weekly_profile(past),
        newest_year=newest_year,
    )


def _design_row(
    item: ItemFeatures, anticipation: float | None, *, newest_year: int
) -> dict[str, float]:
    release = is_release(item, newest_year=newest_year)
    row = {"one": 1.0, f"source {item.source}": 1.0, f"language {item.language}": 1.0}
    row["release"] = float(release)
    if anticipation is not None:
        row["anticipation"] = float(np.log1p(anticipation))
        row["anticipation of release"] = row["anticipation"] * release
        row["anticipation known"] = 1.0
    for genre in item.genres:
        row[f"genre {genre}"] = 1.0 / len(item.genres)
    return row


def _frequent_columns(rows: Sequence[dict[str, float]]) -> tuple[str, ...]:
    """Return the names that at least five launches share, the constant always."""
    counts: dict[str, int] = {}
    for row in rows:
        for name in row:
            counts[name] = counts.get(name, 0) + 1
    return tuple(sorted(name for name, count in counts.items() if count >= 5 or name == "one"))


def _ridge(
    design: Float64Array, target: Float64Array, importance: Float64Array, *, free: int
) -> tuple[Float64Array, Float64Array]:
    """Return weights (p,) and leave-one-out residuals (n,); column `free` is not shrunk.

    Source: Hoerl & Kennard, Ridge regression (1970); leave-one-out by the hat matrix.
    """
    penalty = np.full(design.shape[1], _RIDGE)
    penalty[free] = 1e-9
    weighted = design * importance[:, None]
    gram = design.T @ weighted + np.diag(penalty)
    inverse = np.linalg.inv(gram)
    weights: Float64Array = inverse @ (weighted.T @ target)
    leverage = importance * np.einsum("ij,jk,ik->i", design, inverse, design)
    residuals: Float64Array = (target - design @ weights) / (1.0 - np.minimum(leverage, 0.95))
    return weights, residuals


def _recent_level(residuals: Float64Array, age_days: NDArray[np.int64]) -> float:
    """Return by how much launches of the last weeks beat the fit: the market's level today."""
    importance = 0.5 ** (np.maximum(age_days, 0) / _LEVEL_HALF_LIFE_DAYS)
    return float((importance @ residuals) / (importance.sum() + _LEVEL_SHRINKAGE))


def _of_group(residuals: Float64Array, chosen: NDArray[np.bool_]) -> Float64Array:
    own = residuals[chosen] if chosen.sum() >= _MIN_GROUP else residuals
    return np.sort(own)


def _weekly_profile(past: Sequence[PastLaunch]) -> Float64Array:
    """Return the share of first-week plays by day, pooled; even when nobody played."""
    total = np.ones(WEEK_DAYS)
    for launch in past:
        total += np.asarray(launch.daily_plays[:WEEK_DAYS], dtype=np.float64)
    profile: Float64Array = total / total.sum()
    return profile
