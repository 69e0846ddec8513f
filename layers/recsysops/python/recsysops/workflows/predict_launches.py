"""Dry-runs the launches of the coming weeks from deployed state and flags those in danger.

Each upcoming item is scored for a fixed panel of members as the model that serves, and the
candidate when there is one, would score it a week after launch. Intervals are calibrated by
backcasting past launches: each is forecast as if it had not launched, by a first-week model that
never saw its launch week, and compared with what the model gives it for the plays it really got.
What such a backcast cannot see is how the competition drifts between forecast and launch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

import numpy as np

from recsysops.errors import ArtefactError, CouldNotJudge
from recsysops.model.artefact import ModelArtefact
from recsysops.model.delta import DeltaSnapshot
from recsysops.ports import BlobStore, LakeWriter, MemberStore, ModelRegistry, Notifier, QueryEngine
from recsysops.prediction.ageing import AgeingCurve, fit_ageing, still_popularity
from recsysops.prediction.conformal import (
    CalibrationPoint,
    IntervalCalibration,
    calibrate,
    conformity_score,
)
from recsysops.prediction.dry_run import dry_run_launch, shadow_shares, shares_with_plays
from recsysops.prediction.first_week import WEEK_DAYS, FirstWeekModel, fit_first_week
from recsysops.prediction.forecast import (
    Flagger,
    LaunchForecast,
    Witnesses,
    forecast_launch,
    name_group,
)
from recsysops.prediction.harm import (
    SupplierRecord,
    choose_flag_level,
    flag_launch,
    harm_probability,
    learn_supplier_record,
)
from recsysops.prediction.panel import Panel
from recsysops.prediction.peers import tabulate_peers
from recsysops.prediction.stage import Expectations, Stage, horizon_days, set_stages
from recsysops.request_log.job_records import LaunchForecastRow
from recsysops.request_log.records import SCHEMA_VERSION
from recsysops.request_log.schema import to_row
from recsysops.serving.api import truncate_milliseconds
from recsysops.vocabulary import Member, ModelPointer, PastLaunch, UpcomingLaunch
from recsysops.workflows.approved_models import approved_models
from recsysops.workflows.launch_history import (
    REMEMBERED_DAYS,
    Snapshots,
    draw_panel,
    find_snapshots,
    read_past_launches,
    seat_panel,
)
from recsysops.workflows.launch_record import (
    read_dangers,
    read_metadata_tracks,
    read_serving_model,
)
from recsysops.workflows.load_catalogue import load_artefact

SOONEST_DAYS, LATEST_DAYS = 7, 28
"""Which launches are forecast: early enough to mend metadata, late enough to be announced."""


@dataclass(frozen=True, slots=True)
class PredictedLaunches:
    """Rows as written; `candidate_refusal` says why the candidate has none though it exists."""

    rows: tuple[LaunchForecastRow, ...]
    candidate_refusal: str | None = None

    @property
    def flagged(self) -> tuple[LaunchForecastRow, ...]:
        """Launches that production would harm."""
        return tuple(row for row in self.rows if row.flagged and row.role == "production")

    @property
    def summary(self) -> dict[str, object]:
        """Return what a log line and a state machine's output say."""
        return {
            "forecasts": len(self.rows),
            "flagged": [row.item_id for row in self.flagged],
            "candidate_refusal": self.candidate_refusal,
        }


class LaunchPorts(Protocol):
    """What the forecast reads and writes; `bootstrap.Ports` has all of it."""

    @property
    def blobs(self) -> BlobStore:
        """Artefacts and snapshots."""

    @property
    def members(self) -> MemberStore:
        """Whom the panel is drawn from."""

    @property
    def registry(self) -> ModelRegistry:
        """Which models are in production and waiting."""

    @property
    def queries(self) -> QueryEngine:
        """SQL over requests, feedback, snapshots and earlier forecasts."""

    @property
    def lake(self) -> LakeWriter:
        """Where forecasts are written."""

    @property
    def notifier(self) -> Notifier:
        """Who is paged."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What every model's forecast stands on."""

    snapshots: Snapshots
    past: tuple[PastLaunch, ...]
    launches: tuple[UpcomingLaunch, ...]
    record: SupplierRecord
    flag_level: float
    as_of: datetime
    flag: Flagger


def predict_launches(
    *, as_of: datetime, ports: LaunchPorts, flag: Flagger = flag_launch
) -> PredictedLaunches:
    """Forecast every launch 7 to 28 days after `as_of`, write the rows, page when one is flagged.

    A repeated run replaces its rows. No upcoming launch writes nothing.

    Raises: CouldNotJudge when no model, snapshot or panel exists, or past launches are too few
        for any honest interval; ArtefactError when the production model or the newest snapshot
        cannot be read; DependencyError.
    """
    moment = truncate_milliseconds(as_of)
    pointer = approved_models(ports.registry)
    if pointer is None:
        raise CouldNotJudge("no model is in production: nothing can be dry-run")
    serving = _find_serving(pointer, ports, as_of=moment)
    artefact = load_artefact(ports.blobs, serving)
    snapshots = find_snapshots(ports.blobs, ports.queries, as_of=moment)
    launches = _find_upcoming(snapshots, today=moment.date())
    if not launches:
        return PredictedLaunches(())
    known = _learn_from_past(
        snapshots, launches, artefact, queries=ports.queries, as_of=moment, flag=flag
    )
    drawn = draw_panel(ports.members, serving)
    rows = _forecast_model(known, artefact, seat_panel(drawn, artefact), role="production")
    waiting, refusal = _forecast_candidate(known, pointer.candidate, drawn, ports.blobs)
    predicted = PredictedLaunches((*rows, *waiting), refusal)
    ports.lake.write_rows(
        "launch_forecasts",
        rows=[to_row(row) for row in predicted.rows],
        ingest_time=moment,
        name=f"launches-{moment:%Y%m%dT%H%M%S%f}",
    )
    _page(predicted, ports.notifier)
    return predicted


def _find_serving(pointer: ModelPointer, ports: LaunchPorts, *, as_of: datetime) -> str:
    """Return the model that answers members, else production.

    Logs may name a model that nobody registered here (mirrored traffic): it has no artefact.
    """
    answering = read_serving_model(queries=ports.queries, as_of=as_of)
    registered = {entry.model_id for entry in ports.registry.entries()}
    if answering is None or answering not in registered:
        return pointer.production
    return answering


def _learn_from_past(
    snapshots: Snapshots,
    launches: tuple[UpcomingLaunch, ...],
    artefact: ModelArtefact,
    *,
    queries: QueryEngine,
    as_of: datetime,
    flag: Flagger,
) -> _Known:
    """Read first weeks, repairs and earlier dangers; interest is compared as of a week ahead."""
    items = snapshots.newest.items
    tracks = read_metadata_tracks(
        items, queries=queries, as_of=as_of, remembered_days=REMEMBERED_DAYS
    )
    ahead = {track.before.item_id: track.before.anticipation for track in tracks}
    past = read_past_launches(snapshots.newest, artefact, queries=queries, as_of=as_of)
    return _Known(
        snapshots=snapshots,
        past=tuple(
            replace(one, anticipation=ahead.get(one.item.item_id, one.anticipation)) for one in past
        ),
        launches=launches,
        record=learn_supplier_record(tracks),
        flag_level=choose_flag_level(read_dangers(queries=queries, as_of=as_of)),
        as_of=as_of,
        flag=flag,
    )


def _forecast_candidate(
    known: _Known, model_id: str | None, drawn: Sequence[Member], blobs: BlobStore
) -> tuple[list[LaunchForecastRow], str | None]:
    """Return the candidate's rows, or why it has none: production must not wait for it."""
    if model_id is None:
        return [], None
    try:
        artefact = load_artefact(blobs, model_id)
        panel = seat_panel(drawn, artefact)
        return _forecast_model(known, artefact, panel, role="candidate"), None
    except (ArtefactError, CouldNotJudge) as error:
        return [], str(error)


def _find_upcoming(snapshots: Snapshots, *, today: date) -> tuple[UpcomingLaunch, ...]:
    """Return items of the newest snapshot to be launched, each with its earlier version if any."""
    before = {} if snapshots.earlier is None else {i.item_id: i for i in snapshots.earlier.items}
    first, last = (today + timedelta(days=ahead) for ahead in (SOONEST_DAYS, LATEST_DAYS))
    return tuple(
        UpcomingLaunch(
            item,
            earlier_versions=(before[item.item_id],) if item.item_id in before else (),
            anticipation=item.anticipation,
        )
        for item in snapshots.newest.items
        if item.launch_date is not None and first <= item.launch_date <= last
    )


def _forecast_model(
    known: _Known, artefact: ModelArtefact, panel: Panel, *, role: str
) -> list[LaunchForecastRow]:
    """Forecast all launches under one model. Raises: CouldNotJudge when no interval is honest."""
    stages = set_stages(
        artefact=artefact,
        delta=known.snapshots.newest,
        panel=panel,
        launches=known.launches,
        expectations=Expectations(
            first_week=_fit_first_week(known.past, known.as_of),
            ageing=_fit_ageing(known.snapshots, artefact),
        ),
        as_of=known.as_of,
    )
    witnesses = Witnesses(
        calibration=_calibrate(stages[min(stages)], known),
        peers=tabulate_peers(known.snapshots.newest.items),
        record=known.record,
        flag_level=known.flag_level,
    )
    forecasts = [
        forecast_launch(
            stages[horizon_days(launch, known.as_of)],
            launch,
            crosses_upgrade=False,
            witnesses=witnesses,
            flag=known.flag,
        )
        for launch in known.launches
    ]
    if all(forecast.interval is None for forecast in forecasts):
        raise CouldNotJudge(forecasts[0].refusal or "no launch has an honest interval")
    shadows = shadow_shares(
        stages[min(stages)].catalogue,
        panel,
        [launch.item.item_id for launch in known.launches],
        as_of=known.as_of,
    )
    return [_row(forecast, shadows, as_of=known.as_of, role=role) for forecast in forecasts]


def _calibrate(stage: Stage, known: _Known) -> IntervalCalibration:
    """Backcast every past launch on the nearest stage."""
    return calibrate(_backcast(stage, known))


def _backcast(stage: Stage, known: _Known) -> Iterator[CalibrationPoint]:
    weeks: dict[str, list[PastLaunch]] = {}
    for launch in known.past:
        weeks.setdefault(_week_of(launch.launched_on), []).append(launch)
    for week, launches in weeks.items():
        others = [launch for launch in known.past if _week_of(launch.launched_on) != week]
        fold = _with_first_week(stage, _fit_first_week(others, known.as_of))
        for launch in launches:
            yield _backcast_launch(fold, launch, week=week)


def _backcast_launch(stage: Stage, launch: PastLaunch, *, week: str) -> CalibrationPoint:
    unlaunched = UpcomingLaunch(launch.item, anticipation=launch.anticipation)
    forecast = dry_run_launch(stage, unlaunched)
    plays = _decay_first_week(launch.daily_plays, stage.delta.half_life_days)
    outcome = float(shares_with_plays(stage, item=launch.item, decayed_plays=plays[None, :])[0])
    score = conformity_score(low=forecast.low, high=forecast.high, outcome=outcome)
    return CalibrationPoint(name_group(stage, unlaunched, crosses_upgrade=False), week, score)


def _decay_first_week(
    daily_plays: Sequence[float], half_life_days: Sequence[float]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return plays decayed to the end of the first week, (half-lives,)."""
    waited = WEEK_DAYS - np.arange(len(daily_plays)) - 0.5
    decay = 0.5 ** (waited[:, None] / np.asarray(half_life_days)[None, :])
    return np.asarray(np.asarray(daily_plays) @ decay)


def _with_first_week(stage: Stage, first_week: FirstWeekModel) -> Stage:
    return replace(stage, expectations=replace(stage.expectations, first_week=first_week))


def _fit_first_week(past: Sequence[PastLaunch], as_of: datetime) -> FirstWeekModel:
    return fit_first_week(past, today=as_of.date(), newest_year=as_of.year)


def _fit_ageing(snapshots: Snapshots, artefact: ModelArtefact) -> AgeingCurve:
    smoothing = artefact.manifest.popularity_smoothing
    newest: DeltaSnapshot = snapshots.newest
    if snapshots.earlier is None:
        return still_popularity(len(newest.half_life_days), smoothing=smoothing)
    return fit_ageing(snapshots.earlier, newest, smoothing=smoothing)


def _week_of(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-{week:02d}"


def _row(
    forecast: LaunchForecast, shadows: dict[str, float], *, as_of: datetime, role: str
) -> LaunchForecastRow:
    low, high = forecast.interval or (None, None)
    item = forecast.launch.item
    return LaunchForecastRow(
        schema_version=SCHEMA_VERSION,
        as_of=as_of,
        item_id=item.item_id,
        launch_date="" if item.launch_date is None else item.launch_date.isoformat(),
        model_id=forecast.dry_run.model_id,
        role=role,
        panel_share=forecast.dry_run.share,
        low=low,
        high=high,
        shadow_share=shadows[item.item_id],
        flagged=forecast.is_flagged,
        reasons=[reason.describe() for reason in forecast.reasons],
        harm_probability=harm_probability(forecast.suspicions),
    )


def _page(predicted: PredictedLaunches, notifier: Notifier) -> None:
    flagged = predicted.flagged
    if flagged:
        notifier.publish(
            f"{len(flagged)} upcoming launches are in danger",
            {
                "as_of": flagged[0].as_of.isoformat(),
                "launches": [
                    {"item_id": r.item_id, "launch_date": r.launch_date, "reasons": r.reasons}
                    for r in flagged
                ],
            },
        )
