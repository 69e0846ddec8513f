"""What the launch simulator tells: what was known before a launch, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from recsysops.model.delta import DeltaSnapshot
from recsysops.simulation.launch_models import ServedModel
from recsysops.vocabulary import PastLaunch, UpcomingLaunch


@dataclass(frozen=True, slots=True)
class LaunchOrigin:
    """Everything known on `as_of` (start of day) about launches announced a week ahead.

    `launches` are all that are announced for the next two weeks, `due` names those whose
    announced day is a week ahead. `earlier` holds popularity two weeks before. `candidate` is
    planned to serve from `candidate_from` on; its snapshot carries the vectors made for it.
    """

    as_of: datetime
    production: ServedModel
    delta: DeltaSnapshot
    earlier: DeltaSnapshot
    candidate: ServedModel | None
    candidate_delta: DeltaSnapshot | None
    candidate_from: date | None
    launches: tuple[UpcomingLaunch, ...]
    due: frozenset[str]


@dataclass(frozen=True, slots=True)
class LaunchOutcome:
    """What came of one launch, known at the start of the day a week after it.

    share: of the panel, with the metadata as delivered that day (held in `past`);
    correct_share: with the right metadata and the same plays.
    """

    as_of: datetime
    past: PastLaunch
    share: float
    correct_share: float
    model_id: str
