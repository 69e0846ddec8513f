"""How earlier forecasts did, once their outcome is known: what the next ones learn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from recsysops.prediction.conformal import CalibrationPoint, conformity_score, launch_week
from recsysops.prediction.forecast import LaunchForecast


@dataclass(frozen=True, slots=True)
class ScoredForecast:
    """A forecast beside what came of it; shares are of the panel, a week after launch.

    shadow_share: what persistence said when the forecast was made.
    """

    forecast: LaunchForecast
    launched_on: date
    shadow_share: float
    outcome_share: float

    @property
    def is_covered(self) -> bool | None:
        """The interval held; None when none was given."""
        if self.forecast.interval is None:
            return None
        low, high = self.forecast.interval
        # shares are whole numbers of members: the tolerance is for their division only
        return low - 1e-9 <= self.outcome_share <= high + 1e-9


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Mean absolute errors of forecasts and of persistence; share of intervals that held, None
    when no interval was given."""

    scored: int
    mean_error: float
    shadow_error: float
    covered: float | None


def summarize_record(scored: Sequence[ScoredForecast]) -> TrackRecord | None:
    """Sum a track record up; None before the first outcome."""
    if not scored:
        return None
    outcomes = np.array([one.outcome_share for one in scored])
    shares = np.array([one.forecast.dry_run.share for one in scored])
    shadows = np.array([one.shadow_share for one in scored])
    held = [one.is_covered for one in scored if one.is_covered is not None]
    return TrackRecord(
        scored=len(scored),
        mean_error=float(np.abs(shares - outcomes).mean()),
        shadow_error=float(np.abs(shadows - outcomes).mean()),
        covered=float(np.mean(held)) if held else None,
    )


def calibration_points(scored: Iterable[ScoredForecast]) -> list[CalibrationPoint]:
    """Return what the next intervals are calibrated with: one point per forecast.

    The week is that of the launch as announced when the forecast was made.
    """
    return [
        CalibrationPoint(
            group=one.forecast.group,
            week=launch_week(one.forecast.launch.item.launch_date or one.launched_on),
            score=conformity_score(
                low=one.forecast.dry_run.low,
                high=one.forecast.dry_run.high,
                outcome=one.outcome_share,
            ),
        )
        for one in scored
    ]
