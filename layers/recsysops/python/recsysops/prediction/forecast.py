"""The whole forecast of one launch: its dry run, its interval or why there is none, its flag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from recsysops.errors import CouldNotJudge
from recsysops.model.kernel import Float64Array
from recsysops.prediction.conformal import IntervalCalibration, group_of
from recsysops.prediction.dry_run import LaunchDryRun, dry_run_launch, forecast_shares
from recsysops.prediction.first_week import is_release
from recsysops.prediction.harm import (
    FLAG_PROBABILITY,
    SupplierRecord,
    Suspicion,
    flag_launch,
    suspect_metadata,
)
from recsysops.prediction.peers import PeerTable
from recsysops.prediction.stage import Stage
from recsysops.vocabulary import ItemFeatures, UpcomingLaunch

Flagger = Callable[[Sequence[Suspicion], float], tuple[Suspicion, ...]]
"""Which suspicions justify a flag from a probability of harm on."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What forecasts are judged by: past errors, comparable items, the suppliers' record, and
    from which probability of harm on a launch is flagged."""

    calibration: IntervalCalibration
    peers: PeerTable
    record: SupplierRecord
    flag_level: float = FLAG_PROBABILITY


@dataclass(frozen=True, slots=True)
class LaunchForecast:
    """One launch under one model.

    group: what its interval is calibrated with. interval: 90 %, None when `refusal` says why not.
    suspicions: likeliest first; reasons: those that justify the flag.
    """

    launch: UpcomingLaunch
    group: str
    dry_run: LaunchDryRun
    interval: tuple[float, float] | None
    refusal: str | None
    suspicions: tuple[Suspicion, ...]
    reasons: tuple[Suspicion, ...]

    @property
    def is_flagged(self) -> bool:
        """The metadata is likely to harm this launch."""
        return bool(self.reasons)


def forecast_launch(
    stage: Stage,
    launch: UpcomingLaunch,
    *,
    crosses_upgrade: bool,
    witnesses: Witnesses,
    flag: Flagger = flag_launch,
) -> LaunchForecast:
    """Forecast one launch on its stage; a missing interval is said, never guessed."""
    dry_run = dry_run_launch(stage, launch)
    group = name_group(stage, launch, crosses_upgrade=crosses_upgrade)
    interval, refusal = _interval(dry_run, group, witnesses.calibration)
    suspicions = suspect_metadata(
        launch,
        peers=witnesses.peers,
        share_of=partial(_shares, stage, launch),
        record=witnesses.record,
    )
    return LaunchForecast(
        launch=launch,
        group=group,
        dry_run=dry_run,
        interval=interval,
        refusal=refusal,
        suspicions=suspicions,
        reasons=flag(suspicions, witnesses.flag_level),
    )


def name_group(stage: Stage, launch: UpcomingLaunch, *, crosses_upgrade: bool) -> str:
    """Name the calibration group of a launch."""
    newest_year = stage.expectations.first_week.newest_year
    release = is_release(launch.item, newest_year=newest_year)
    return group_of(release=release, crosses_upgrade=crosses_upgrade)


def _shares(
    stage: Stage, launch: UpcomingLaunch, item: ItemFeatures, truth: ItemFeatures
) -> Float64Array:
    return forecast_shares(stage, launch, item=item, truth=truth)


def _interval(
    dry_run: LaunchDryRun, group: str, calibration: IntervalCalibration
) -> tuple[tuple[float, float] | None, str | None]:
    try:
        interval = calibration.interval(
            group, low=dry_run.low, share=dry_run.share, high=dry_run.high
        )
    except CouldNotJudge as refusal:
        return None, str(refusal)
    return interval, None
