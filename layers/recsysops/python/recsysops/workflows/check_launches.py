"""Checks launch forecasts against the launch simulator, whose truth the forecasts never see.

Each world is lived through day by day: a forecast is made a week before the announced launch from
what is known that day, and joins the calibration only after its outcome. The first half year
after warm-up is used to calibrate and not reported.

The base world was tuned on seeds 0-9 beside the thresholds (how often suppliers err, how slowly
they mend, how much luck there is). `check_worlds` therefore checks other worlds too, written down
in `simulation.launch_worlds` before any of their results was seen. None of them shows that real
launches are like these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from recsysops.errors import CouldNotJudge
from recsysops.model.catalogue import assemble_catalogue
from recsysops.prediction.ageing import fit_ageing
from recsysops.prediction.conformal import CalibrationPoint, IntervalCalibration, calibrate
from recsysops.prediction.dry_run import shadow_shares
from recsysops.prediction.first_week import WEEK_DAYS, FirstWeekModel, fit_first_week
from recsysops.prediction.forecast import Flagger, LaunchForecast, Witnesses, forecast_launch
from recsysops.prediction.harm import (
    MetadataTrack,
    choose_flag_level,
    flag_launch,
    harm_probability,
    learn_supplier_record,
)
from recsysops.prediction.panel import Panel
from recsysops.prediction.peers import tabulate_peers
from recsysops.prediction.stage import Expectations, Stage, horizon_days, set_stages
from recsysops.prediction.track_record import ScoredForecast, calibration_points
from recsysops.simulation.launch_events import LaunchOrigin, LaunchOutcome
from recsysops.simulation.launch_worlds import LAUNCH_WORLDS, Hardness
from recsysops.simulation.launches import LaunchWorldSettings, simulate_launches
from recsysops.vocabulary import PastLaunch, UpcomingLaunch
from recsysops.workflows.score_launches import JudgedLaunch, LaunchReport, report_launches

TUNING_SEEDS = range(10)
"""Seeds on which thresholds were set; report on others."""
CHECK_SEEDS = range(200, 205)
WORLD_SEEDS = range(500, 502)
"""Seeds on which the worlds of `simulation.launch_worlds` are reported."""

CALIBRATION_WEEKS = 48
REMEMBERED_LAUNCHES = 600
REMEMBERED_DANGERS = 700
"""Forecasts of about a year."""

COLLABORATIVE_TRUST = 0.8
"""Of the content-based guess, when the launch crosses an upgrade that re-learns vectors."""


def check_launches(
    seeds: Iterable[int] = CHECK_SEEDS,
    *,
    progress: Callable[[str], None] = lambda _: None,
    settings: LaunchWorldSettings | None = None,
    calibration_weeks: int = CALIBRATION_WEEKS,
    flag: Flagger = flag_launch,
) -> LaunchReport:
    """Live through one simulated world per seed and report how the forecasts did."""
    judged: list[JudgedLaunch] = []
    for seed in seeds:
        judged.extend(
            judge_world(seed, settings=settings, calibration_weeks=calibration_weeks, flag=flag)
        )
        progress(f"launch world {seed}")
    return report_launches(judged)


def check_worlds(
    seeds: Sequence[int] = WORLD_SEEDS,
    *,
    worlds: Mapping[str, Hardness] = LAUNCH_WORLDS,
    progress: Callable[[str], None] = lambda _: None,
    settings: LaunchWorldSettings | None = None,
    calibration_weeks: int = CALIBRATION_WEEKS,
) -> dict[str, LaunchReport]:
    """Check every world on the same seeds, with nothing changed between them but the world."""
    size = settings or LaunchWorldSettings()
    return {
        name: check_launches(
            seeds,
            progress=progress,
            settings=replace(size, hardness=hardness),
            calibration_weeks=calibration_weeks,
        )
        for name, hardness in worlds.items()
    }


def judge_world(
    seed: int,
    *,
    settings: LaunchWorldSettings | None = None,
    calibration_weeks: int = CALIBRATION_WEEKS,
    flag: Flagger = flag_launch,
) -> Iterator[JudgedLaunch]:
    """Yield every forecast of one world that was made after calibration, with its outcome."""
    history = _History(seed, flag)
    first: datetime | None = None
    for event in simulate_launches(seed, settings):
        if isinstance(event, LaunchOrigin):
            if history.forecast(event) and first is None:
                first = event.as_of
            continue
        judged = history.settle(event)
        if judged is None or first is None:
            continue
        if judged.made_at >= first + timedelta(weeks=calibration_weeks):
            yield judged


@dataclass(frozen=True, slots=True)
class _Standing:
    """A forecast that waits for its outcome."""

    forecast: LaunchForecast
    shadow_share: float
    made_at: datetime


@dataclass(slots=True)
class _History:
    """What a team that runs the forecasts daily knows."""

    seed: int
    flag: Flagger
    past: list[PastLaunch] = field(default_factory=list)
    points: list[CalibrationPoint] = field(default_factory=list)
    tracks: list[MetadataTrack] = field(default_factory=list)
    dangers: list[float] = field(default_factory=list)
    standing: dict[str, _Standing] = field(default_factory=dict)
    calibration: IntervalCalibration = field(default_factory=lambda: calibrate(()))
    calibrated_at: datetime | None = None

    def forecast(self, origin: LaunchOrigin) -> bool:
        """Forecast the launches that are due; False while too few launches are known."""
        try:
            first_week = fit_first_week(
                self.past[-REMEMBERED_LAUNCHES:],
                today=origin.as_of.date(),
                newest_year=origin.as_of.year,
            )
        except CouldNotJudge:
            return False
        due = [launch for launch in origin.launches if launch.item.item_id in origin.due]
        crosses = _crosses_upgrade(origin, due)
        stages = _set_stages(origin, due, first_week=first_week, crosses_upgrade=crosses)
        shadows = _shadows(origin)
        witnesses = self._witnesses(origin)
        for launch in due:
            forecast = forecast_launch(
                stages[horizon_days(launch, origin.as_of)],
                launch,
                crosses_upgrade=crosses,
                witnesses=witnesses,
                flag=self.flag,
            )
            item_id = launch.item.item_id
            self.dangers.append(harm_probability(forecast.suspicions))
            self.standing[item_id] = _Standing(forecast, shadows[item_id], origin.as_of)
        return True

    def settle(self, outcome: LaunchOutcome) -> JudgedLaunch | None:
        """Learn from an outcome; return it beside its forecast, None when there was none."""
        self.past.append(outcome.past)
        standing = self.standing.pop(outcome.past.item.item_id, None)
        if standing is None:
            return None
        forecast = standing.forecast
        scored = ScoredForecast(
            forecast, outcome.past.launched_on, standing.shadow_share, outcome.share
        )
        point = calibration_points([scored])[0]
        self.points.append(point)
        self.tracks.append(
            MetadataTrack(forecast.launch.item, outcome.past.item, forecast.suspicions)
        )
        return JudgedLaunch(
            week=f"{self.seed}/{point.week}",
            scored=scored,
            made_at=standing.made_at,
            correct_share=outcome.correct_share,
            metadata_after=outcome.past.item,
        )

    def _witnesses(self, origin: LaunchOrigin) -> Witnesses:
        if self.calibrated_at is None or origin.as_of - self.calibrated_at >= timedelta(days=7):
            self.calibration = calibrate(self.points)
            self.calibrated_at = origin.as_of
        return Witnesses(
            calibration=self.calibration,
            peers=tabulate_peers(origin.delta.items),
            record=learn_supplier_record(self.tracks),
            flag_level=choose_flag_level(self.dangers[-REMEMBERED_DANGERS:]),
        )


def _crosses_upgrade(origin: LaunchOrigin, due: Sequence[UpcomingLaunch]) -> bool:
    """Say whether the candidate is planned to serve a week after these launches."""
    if origin.candidate_from is None:
        return False
    launch_date = due[0].item.launch_date
    return launch_date is not None and origin.candidate_from <= launch_date + timedelta(
        days=WEEK_DAYS
    )


def _set_stages(
    origin: LaunchOrigin,
    due: Sequence[UpcomingLaunch],
    *,
    first_week: FirstWeekModel,
    crosses_upgrade: bool,
) -> dict[int, Stage]:
    model, delta = origin.production, origin.delta
    if crosses_upgrade and origin.candidate is not None and origin.candidate_delta is not None:
        model, delta = origin.candidate, origin.candidate_delta
    smoothing = model.artefact.manifest.popularity_smoothing
    return set_stages(
        artefact=model.artefact,
        delta=delta,
        panel=Panel(model.panel),
        launches=due,
        competitors=origin.launches,
        expectations=Expectations(
            first_week=first_week,
            ageing=fit_ageing(origin.earlier, origin.delta, smoothing=smoothing),
            collaborative_trust=COLLABORATIVE_TRUST if crosses_upgrade else 0.0,
        ),
        as_of=origin.as_of,
    )


def _shadows(origin: LaunchOrigin) -> dict[str, float]:
    """Return the forecast to beat: today's model, today's catalogue, launched today."""
    return shadow_shares(
        assemble_catalogue(origin.production.artefact, origin.delta),
        Panel(origin.production.panel),
        sorted(origin.due),
        as_of=origin.as_of,
    )
