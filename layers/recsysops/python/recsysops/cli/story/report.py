"""What the demo reports: steps with evidence, the clock of the incident, JSON and HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from recsysops.cli.pages.page import fill_page
from recsysops.cli.pages.plots import Plot

StepName = Literal[
    "set_up",
    "load",
    "train",
    "healthy",
    "detect",
    "diagnose",
    "replay",
    "preview",
    "deploy",
    "recover",
    "launches",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story: did deployed state say what it should, how long, what shows it."""

    name: StepName
    ok: bool
    seconds: float
    summary: str
    evidence: Mapping[str, object]


@dataclass(slots=True)
class Report:
    """The story so far; written after every step so that a failed run leaves its evidence."""

    fault: str
    seed: int
    started_at: str
    labels: dict[str, str]
    steps: list[Step] = field(default_factory=list)
    seconds_to: dict[str, float] = field(default_factory=dict)
    plots: list[Plot] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there are steps and every one so far was as it should be."""
        return bool(self.steps) and all(step.ok for step in self.steps)


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write report.json and the self-contained report.html; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "fault": report.fault,
        "seed": report.seed,
        "started_at": report.started_at,
        "ok": report.ok,
        "labels": dict(report.labels),
        "seconds_to": report.seconds_to,
        "steps": [asdict(step) for step in report.steps],
    }
    json_path, html_path = folder / "report.json", folder / "report.html"
    _replace(json_path, json.dumps(document, indent=1, default=str))
    _replace(html_path, render_html(report))
    return json_path, html_path


def render_html(report: Report) -> str:
    """Return one HTML page without any outside resource; every value is escaped."""
    steps = [{**asdict(step), "evidence_rows": _rows(step.evidence)} for step in report.steps]
    return fill_page("story", report=report, steps=steps)


def _rows(evidence: Mapping[str, object]) -> Sequence[tuple[str, str]]:
    return [
        (key, value if isinstance(value, str) else json.dumps(value, indent=1, default=str))
        for key, value in evidence.items()
    ]


def _replace(path: Path, text: str) -> None:
    # a reader never sees half a report
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(text)
    partial.replace(path)
