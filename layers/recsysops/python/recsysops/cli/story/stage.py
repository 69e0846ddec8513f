"""What a story needs from the stage it is told on: the deployed one, or one inside the process.

Both run the same workflows and the same SQL; only ports differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from recsysops.cli.story.traffic import Progress
from recsysops.ports import (
    BlobStore,
    ConfigDeployer,
    IncidentBook,
    ItemStore,
    MemberStore,
    ModelRegistry,
    QueryEngine,
)
from recsysops.settings import Settings
from recsysops.simulation.retimed import Stretch
from recsysops.vocabulary import Incident, ModelPointer, Window


@dataclass(frozen=True, slots=True)
class StagePorts:
    """The doors of a stage that operators and jobs use."""

    items: ItemStore
    members: MemberStore
    blobs: BlobStore
    registry: ModelRegistry
    queries: QueryEngine
    incidents: IncidentBook
    hotfixes: ConfigDeployer
    model: ConfigDeployer


class Stage(Protocol):
    """A running recommender."""

    @property
    def ports(self) -> StagePorts:
        """Doors for operators and jobs."""

    def point_at(self, pointer: ModelPointer) -> str:
        """Deploy the model pointer; returns the deployment id."""

    def publish(self, as_of: datetime) -> str:
        """Publish a delta snapshot and return once scorers serve it; returns its id."""

    def send(self, stretch: Stretch, progress: Progress) -> int:
        """Send a stretch of traffic and its feedback, and wait until the lake has it."""

    def audit(self, window: Window, reference: Window) -> Sequence[Incident]:
        """Rank the window's choices, audit it, and return every incident that is open now."""


class LiveStage(Stage, Protocol):
    """A deployed recommender: its scorers take a moment, its workflows run elsewhere."""

    @property
    def settings(self) -> Settings:
        """Names of what is deployed."""

    def wait_until_served(self, *, delta_id: str = "", model_id: str = "") -> None:
        """Return once every scorer answers with the snapshot and model asked for ('' = any).

        Raises: DependencyError when that takes too long.
        """

    def forecast_launches(self, as_of: datetime) -> Mapping[str, object]:
        """Run the workflow `predict_launches` and return its answer."""
