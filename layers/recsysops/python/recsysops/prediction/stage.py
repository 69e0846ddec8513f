"""The stage of a dry run: one model, the catalogue as it is expected then, and a panel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from recsysops.errors import BadInput
from recsysops.model.artefact import ModelArtefact
from recsysops.model.catalogue import Catalogue, assemble_catalogue, popularity_bias
from recsysops.model.delta import DeltaSnapshot, launch_day
from recsysops.model.kernel import Float64Array
from recsysops.prediction.ageing import AgeingCurve
from recsysops.prediction.first_week import WEEK_DAYS, FirstWeekModel
from recsysops.prediction.panel import Frontier, Panel, find_frontier
from recsysops.vocabulary import UpcomingLaunch

TOP_K = 20
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is expected of the weeks ahead, learned from the past.

    collaborative_trust: share of the content-based guess of the collaborative block that a
    launch is expected to have a week in; 0 when the model is not re-learned by then.
    """

    first_week: FirstWeekModel
    ageing: AgeingCurve
    collaborative_trust: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One model, the catalogue as it is expected around one launch week, and a panel.

    frontier: what each member's list holds a week after launch. collaborative_map: content →
    collaborative block, (content width, collaborative width).
    """

    artefact: ModelArtefact
    delta: DeltaSnapshot
    catalogue: Catalogue
    panel: Panel
    expectations: Expectations
    frontier: Frontier
    collaborative_map: Float64Array


def set_stages(
    *,
    artefact: ModelArtefact,
    delta: DeltaSnapshot,
    panel: Panel,
    launches: Sequence[UpcomingLaunch],
    expectations: Expectations,
    as_of: datetime,
    competitors: Sequence[UpcomingLaunch] = (),
    k: int = TOP_K,
) -> dict[int, Stage]:
    """Return one stage per horizon: days from today to a week after launch, rounded to weeks.

    The catalogue is aged to that day; `launches` and `competitors`, whose own forecasts are not
    asked for, compete with their expected first weeks.

    Raises: BadInput when a launch has no date or the snapshot lacks its item.
    """
    catalogue = assemble_catalogue(artefact, delta)
    entering = {launch.item.item_id: launch for launch in (*competitors, *launches)}
    _check_known(catalogue, entering.values())
    collaborative_map = fit_collaborative_map(catalogue)
    stages = {}
    for horizon in sorted({horizon_days(launch, as_of) for launch in launches}):
        expected = _expected_snapshot(
            delta,
            tuple(entering.values()),
            expectations=expectations,
            as_of_day=_day(as_of),
            horizon=horizon,
            smoothing=artefact.manifest.popularity_smoothing,
        )
        bias = popularity_bias(artefact, expected)
        eligible = catalogue.launched(as_of + timedelta(days=horizon))
        stages[horizon] = Stage(
            artefact=artefact,
            delta=delta,
            catalogue=catalogue,
            panel=panel,
            expectations=expectations,
            frontier=find_frontier(catalogue, panel, bias=bias, eligible=eligible, k=k),
            collaborative_map=collaborative_map,
        )
    return stages


def horizon_days(launch: UpcomingLaunch, as_of: datetime) -> int:
    """Return days from `as_of` to a week after launch, rounded to whole weeks, at least one.

    Raises: BadInput when the item has no launch date.
    """
    if launch.item.launch_date is None:
        raise BadInput(f"{launch.item.item_id} has no launch date to forecast")
    days = launch_day(launch.item.launch_date) - _day(as_of) + WEEK_DAYS
    return max(1, round(days / WEEK_DAYS)) * WEEK_DAYS


def fit_collaborative_map(catalogue: Catalogue) -> Float64Array:
    """Regress collaborative blocks on content over items that have one, (content, width).

    Ridge with penalty 10; all zeros when fewer than 50 items have a collaborative block.
    """
    width = catalogue.encoder.content_width
    content = catalogue.matrix[:, :width].astype(np.float64)
    collaborative = catalogue.matrix[:, width:].astype(np.float64)
    known = (collaborative != 0.0).any(axis=1)
    if known.sum() < 50:
        return np.zeros((width, collaborative.shape[1]))
    gram = content[known].T @ content[known] + 10.0 * np.eye(width)
    solved: Float64Array = np.linalg.solve(gram, content[known].T @ collaborative[known])
    return solved


def _expected_snapshot(
    delta: DeltaSnapshot,
    launches: Sequence[UpcomingLaunch],
    *,
    expectations: Expectations,
    as_of_day: int,
    horizon: int,
    smoothing: float,
) -> DeltaSnapshot:
    """Return the snapshot with popularity as it is expected `horizon` days from now."""
    popularity = expectations.ageing.age_popularity(
        delta, as_of_day=as_of_day, horizon_days=horizon
    )
    row_of = {item.item_id: row for row, item in enumerate(delta.items)}
    for launch in launches:
        age = as_of_day + horizon - launch_day(launch.item.launch_date)
        plays = _median_plays(expectations.first_week, launch, age, delta.half_life_days)
        popularity[row_of[launch.item.item_id]] = np.log(plays + smoothing)
    return replace(delta, log_popularity=popularity.astype(np.float32))


def _median_plays(
    first_week: FirstWeekModel,
    launch: UpcomingLaunch,
    age_days: int,
    half_life_days: Sequence[float],
) -> Float64Array:
    if age_days <= 0:
        return np.zeros(len(half_life_days))
    log_plays = first_week.predict_log_plays(launch.item, launch.anticipation, quantile=0.5)
    return first_week.decayed_plays(
        log_plays, age_days=min(age_days, WEEK_DAYS), half_life_days=half_life_days
    )


def _check_known(catalogue: Catalogue, launches: Iterable[UpcomingLaunch]) -> None:
    for launch in launches:
        if launch.item.item_id not in catalogue.row_of:
            raise BadInput(
                f"{launch.item.item_id} is not in snapshot {catalogue.delta_id}: "
                "publish a delta before forecasting its launch"
            )


def _day(moment: datetime) -> int:
    return int(moment.timestamp()) // _SECONDS_PER_DAY
