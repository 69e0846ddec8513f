"""Every fault as a whole story on the laptop stage, one after the other, each from empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recsysops.cli.story.laptop import tell_on_laptop
from recsysops.cli.story.report import Report, StepName
from recsysops.simulation.fault_names import FaultName

FOLDER = Path("build/faults")
MOMENTS = ("detected", "diagnosed", "deployed", "recovered")


@dataclass(frozen=True, slots=True)
class LaptopRow:
    """One story: how far it came, what it said of the fault, how long after it what happened.

    seconds_to holds every moment of MOMENTS, None for those that were not reached.
    """

    fault: FaultName
    seed: int
    ok: bool
    steps: int
    stopped_at: StepName | None
    said: str
    seconds: float
    seconds_to: dict[str, float | None]
    report: str


def tell_faults_on_laptop(
    faults: Sequence[FaultName],
    *,
    seed: int,
    port: int | None = None,
    progress: Callable[[LaptopRow], None] = lambda _: None,
    folder: Path = FOLDER,
) -> list[LaptopRow]:
    """Tell each fault's story on an empty stage; every report stays in a folder of its fault."""
    rows = []
    for fault in faults:
        own = folder / fault
        report = tell_on_laptop(fault, seed=seed, port=port, quiet=True, folder=own)
        rows.append(summarise_story(report, fault=fault, folder=own))
        progress(rows[-1])
    return rows


def summarise_story(report: Report, *, fault: FaultName, folder: Path) -> LaptopRow:
    """Say how a story went: its diagnosis (without one, its last step) in the story's words."""
    failed = next((step for step in report.steps if not step.ok), None)
    telling = [step for step in report.steps if step.name in ("detect", "diagnose")]
    shown = failed or (telling or report.steps)[-1]
    return LaptopRow(
        fault=fault,
        seed=report.seed,
        ok=report.ok,
        steps=len(report.steps),
        stopped_at=failed.name if failed else None,
        said=shown.summary,
        seconds=sum(step.seconds for step in report.steps),
        seconds_to={name: report.seconds_to.get(name) for name in MOMENTS},
        report=str(folder / "report.html"),
    )
