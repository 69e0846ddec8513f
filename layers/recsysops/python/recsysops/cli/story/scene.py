"""Where a story plays: the stage, the world, and what earlier steps left for later ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from recsysops.cli.output import progress_bar
from recsysops.cli.story.days import TrainedModels, write_nightly_batches
from recsysops.cli.story.evidence import AskCli, ask_cli
from recsysops.cli.story.stage import LiveStage
from recsysops.cli.story.traffic import Progress
from recsysops.cli.story.waiting import Patience
from recsysops.errors import DependencyError
from recsysops.request_log.sql import render_sql
from recsysops.simulation.fault_names import FaultName
from recsysops.simulation.faults import FaultTruth
from recsysops.simulation.retimed import RetimedWorld, StretchName
from recsysops.vocabulary import Incident, Window
from recsysops.workflows.load_catalogue import CatalogueCache

_COUNT_REQUESTS = """
SELECT traffic, count(DISTINCT request_id) AS requests, count(DISTINCT member) AS members
FROM slim_requests
WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end}
GROUP BY 1
"""


@dataclass(slots=True)
class Scene:
    """The stage a story is told on, the world whose traffic is sent, and the story so far.

    `truth` is the injected fault: only the step that grades the diagnosis may compare with it.
    """

    stage: LiveStage
    catalogues: CatalogueCache
    world: RetimedWorld
    fault: FaultName
    seed: int
    quiet: bool = False
    ask_cli: AskCli = ask_cli
    patience: Patience = field(default_factory=Patience)
    monotonic: Callable[[], float] = time.monotonic
    models: TrainedModels | None = None
    truth: FaultTruth | None = None
    incident_id: str = ""
    moments: dict[str, float] = field(default_factory=dict)

    def window(self, name: StretchName) -> Window:
        """Return the window of a stretch."""
        return self.world.stretches[name].window

    def trained(self) -> TrainedModels:
        """Return the models of the step `train`. Raises: DependencyError before it."""
        if self.models is None:
            raise DependencyError("no model was trained")
        return self.models

    def mark(self, moment: str) -> None:
        """Note when something happened, for the clock of the incident."""
        self.moments[moment] = self.monotonic()

    def seconds_since_broken(self) -> dict[str, float]:
        """Return how long after the fault each later moment was; {} when nothing was broken."""
        broken = self.moments.get("broken")
        if broken is None:
            return {}
        return {name: at - broken for name, at in self.moments.items() if name != "broken"}

    def send_day(self, name: StretchName, *, untouched: tuple[str, ...] = ()) -> None:
        """A night of supplier batches (not for `untouched` items), a snapshot, a day of traffic."""
        write_nightly_batches(self.stage, self.world, name, seed=self.seed, untouched=untouched)
        self.stage.publish(self.window(name).start)
        self.send_stretch(name)

    def send_stretch(self, name: StretchName) -> None:
        """Send a day of traffic with a progress bar on standard error."""
        stretch = self.world.stretches[name]
        with progress_bar(quiet=self.quiet) as bar:
            task = bar.add_task(f"{name} traffic (re-timed)", total=len(stretch.requests))
            show: Progress = lambda done, _: bar.update(task, completed=done)  # noqa: E731
            self.stage.send(stretch, show)

    def audit(self, name: StretchName) -> Sequence[Incident]:
        """Audit a day against the reference day; returns the incidents that are open now."""
        return self.stage.audit(self.window(name), self.window("reference"))

    def count_sql(self, name: StretchName) -> str:
        """Return the query that counts what the lake holds of a stretch."""
        window = self.window(name)
        return render_sql(
            _COUNT_REQUESTS, first_day=window.start.date(), start=window.start, end=window.end
        ).strip()

    def count(self, name: StretchName) -> dict[str, object]:
        """Ask the lake how much of a stretch it holds."""
        rows = self.stage.ports.queries.run(self.count_sql(name))
        return rows[0] if rows else {"requests": 0}
