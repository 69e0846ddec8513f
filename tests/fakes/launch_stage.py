"""A small catalogue before a launch: artefact, snapshot, panel, and past launches to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from recsysops.model.artefact import ModelArtefact, unpack_artefact
from recsysops.model.delta import DeltaSnapshot, unpack_delta
from recsysops.prediction.ageing import still_popularity
from recsysops.prediction.first_week import FirstWeekModel, fit_first_week
from recsysops.prediction.panel import Panel
from recsysops.prediction.stage import Expectations, Stage, horizon_days, set_stages
from recsysops.vocabulary import ItemFeatures, PastLaunch, UpcomingLaunch

from tests.fakes.served_world import (
    AS_OF,
    ENCODER,
    HALF_LIVES,
    make_artefact_files,
    make_delta,
    make_items,
)

TODAY = AS_OF.date()
LAUNCH_DAY = TODAY + timedelta(days=7)
SMOOTHING = 0.5


def make_catalogue_items(count: int = 80, *, upcoming: int = 1) -> tuple[ItemFeatures, ...]:
    """Items ascending by id; the last `upcoming` launch in a week, all others long ago."""
    items = [replace(item, launch_date=None) for item in make_items(count)]
    for row in range(count - upcoming, count):
        items[row] = replace(items[row], launch_date=LAUNCH_DAY)
    return tuple(items)


def make_model(items: Sequence[ItemFeatures]) -> tuple[ModelArtefact, DeltaSnapshot]:
    """An artefact of these items and an unchanged snapshot."""
    artefact = unpack_artefact(make_artefact_files(items))
    delta_id, body = make_delta(artefact, items)
    return artefact, unpack_delta(delta_id, body)


def make_panel(members: int = 12, *, seed: int = 1, scale: float = 1.0) -> Panel:
    """Members with random vectors who have seen nothing."""
    rng = np.random.default_rng(seed)
    vectors = scale * rng.normal(size=(members, ENCODER.width))
    return Panel(vectors.astype(np.float32))


def make_past(
    count: int = 60, *, plays: float = 7.0, first: date = TODAY - timedelta(days=90)
) -> list[PastLaunch]:
    """Past launches, one a day, each with the same even first week."""
    return [
        PastLaunch(item, first + timedelta(days=row), (plays / 7.0,) * 7)
        for row, item in enumerate(make_items(count, seed=9))
    ]


def learn_first_week(plays: float = 7.0) -> FirstWeekModel:
    """A first week of which nothing is uncertain."""
    return fit_first_week(make_past(plays=plays), today=TODAY, newest_year=TODAY.year)


def make_stage(
    items: Sequence[ItemFeatures], panel: Panel, *, plays: float = 7.0, k: int = 5
) -> tuple[Stage, UpcomingLaunch]:
    """The stage of the last item's launch, in a catalogue that does not age."""
    artefact, delta = make_model(items)
    launch = UpcomingLaunch(items[-1])
    stages = set_stages(
        artefact=artefact,
        delta=delta,
        panel=panel,
        launches=[launch],
        expectations=Expectations(
            learn_first_week(plays), still_popularity(len(HALF_LIVES), smoothing=SMOOTHING)
        ),
        as_of=AS_OF,
        k=k,
    )
    return stages[horizon_days(launch, AS_OF)], launch
