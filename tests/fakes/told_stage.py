"""A stage that does as it is told: memory ports, scripted audits and lake, no traffic served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from recsysops.adapters.memory import (
    MemoryBlobs,
    MemoryIncidents,
    MemoryItems,
    MemoryMembers,
    MemoryQueries,
    MemoryRegistry,
)
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.cli.story.days import TrainedModels
from recsysops.cli.story.demo import Demo, new_report
from recsysops.cli.story.scene import Scene
from recsysops.cli.story.stage import StagePorts
from recsysops.cli.story.waiting import Patience
from recsysops.model.interactions import make_interactions
from recsysops.settings import Settings
from recsysops.simulation.retimed import STRETCHES, RetimedWorld, Stretch, TrafficRequest
from recsysops.vocabulary import Incident, ModelPointer, Window
from recsysops.workflows.load_catalogue import CatalogueCache

from tests.fakes.broken_world import REFERENCE
from tests.fakes.served_world import make_items


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def patience(self, limit_seconds: float = 60.0) -> Patience:
        return Patience(limit_seconds, 1.0, self.monotonic, self.sleep)


def make_stage_ports(answer: Callable[[str], list[dict[str, object]]] | None = None) -> StagePorts:
    """Empty memory ports; the lake answers queries by a function."""
    return StagePorts(
        items=MemoryItems(),
        members=MemoryMembers(),
        blobs=MemoryBlobs(),
        registry=MemoryRegistry(),
        queries=MemoryQueries(answer),
        incidents=MemoryIncidents(),
        hotfixes=MemoryConfigDeployer(),
        model=MemoryConfigDeployer(),
    )


@dataclass
class ToldStage:
    """Satisfies `LiveStage`. `opened` is what each audit returns, by the window's start."""

    ports: StagePorts
    settings: Settings = field(default_factory=lambda: Settings(items_table="items"))
    opened: dict[datetime, Sequence[Incident]] = field(default_factory=dict)
    published: list[datetime] = field(default_factory=list)
    sent: list[Window] = field(default_factory=list)
    waited_for: list[tuple[str, str]] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)

    def point_at(self, pointer: ModelPointer) -> str:
        self.pointers.append(pointer.production)
        return str(len(self.pointers))

    def publish(self, as_of: datetime) -> str:
        self.published.append(as_of)
        return f"d-{len(self.published)}"

    def send(self, stretch: Stretch, progress: Callable[[int, int], None]) -> int:
        self.sent.append(stretch.window)
        progress(len(stretch.requests), len(stretch.requests))
        return len(stretch.requests)

    def audit(self, window: Window, reference: Window) -> Sequence[Incident]:
        assert reference == REFERENCE
        return self.opened.get(window.start, ())

    def wait_until_served(self, *, delta_id: str = "", model_id: str = "") -> None:
        self.waited_for.append((delta_id, model_id))

    def forecast_launches(self, as_of: datetime) -> Mapping[str, object]:
        return {"as_of": as_of.isoformat()}


def make_world(count: int = 12) -> RetimedWorld:
    """A dozen items, two of them upcoming, and one request a day."""
    items = tuple(replace(item, launch_date=None) for item in make_items(count))
    windows = [
        Window(REFERENCE.start + timedelta(days=day), REFERENCE.end + timedelta(days=day))
        for day in range(len(STRETCHES))
    ]
    return RetimedWorld(
        items=items[:-2],
        training=make_interactions(
            members=(), items=(), times=np.zeros(0), values=np.zeros(0, np.float32)
        ),
        stretches={
            name: Stretch(
                window, (TrafficRequest(f"r-{name}", f"e-{name}", "m0", "i0001", window.start),)
            )
            for name, window in zip(STRETCHES, windows, strict=True)
        },
        upcoming=items[-2:],
        simulated_columns=("language", "price"),
    )


def make_scene(stage: ToldStage, **changes: object) -> Scene:
    """A scene before its first step; time moves only while it waits."""
    time = FakeTime()
    plain: dict[str, object] = {
        "stage": stage,
        "catalogues": CatalogueCache(stage.ports.blobs),
        "world": make_world(),
        "fault": "language_misconfigured",
        "seed": 7,
        "quiet": True,
        "ask_cli": ScriptedCli(),
        "patience": time.patience(),
        "monotonic": time.monotonic,
        "models": TrainedModels("m-new", "m-old"),
    }
    return Scene(**{**plain, **changes})  # type: ignore[arg-type]


def make_demo(folder: Path, scene: Scene) -> Demo:
    """A quiet demo that reports into a folder."""
    report = new_report(scene.world, fault=scene.fault, seed=scene.seed)
    return Demo(report, folder=folder, quiet=True, monotonic=scene.monotonic)


class ScriptedCli:
    """Answers commands by their first words, and remembers what was asked."""

    def __init__(self, **answers: Mapping[str, object]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *arguments: str) -> Mapping[str, object]:
        self.asked.append(arguments)
        words = arguments[:2] if arguments[0] == "hotfix" else arguments[:1]
        return self.answers["_".join(words)]
