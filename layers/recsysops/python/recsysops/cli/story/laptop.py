"""Tells a story on the laptop stage, which is started from empty for it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from recsysops.cli.connection import open_ports, open_stage
from recsysops.cli.stage import run_stage
from recsysops.cli.story.demo import FOLDER, Demo, new_report
from recsysops.cli.story.evidence import Outcome
from recsysops.cli.story.report import Report
from recsysops.cli.story.scene import Scene
from recsysops.datasets.movielens import load_movielens
from recsysops.simulation.fault_names import FaultName
from recsysops.simulation.retimed import RetimedWorld, build_retimed_world


def tell_on_laptop(
    fault: FaultName,
    *,
    seed: int,
    port: int | None = None,
    requests: int = 1000,
    quiet: bool = False,
    folder: Path = FOLDER,
) -> Report:
    """Forget the laptop stage, start it, tell one story; returns the report, also in `folder`.

    Raises: BadData when the data set cannot be read; whatever fails later is in the report.
    """
    world = build_retimed_world(
        load_movielens(),
        seed=seed,
        end=datetime.now(UTC).replace(microsecond=0),
        requests_per_stretch=requests,
    )
    demo = Demo(new_report(world, fault=fault, seed=seed), folder=folder, quiet=quiet)
    if demo.tell("set_up", partial(start_empty_stage, port)):
        scene = set_scene(world, fault=fault, seed=seed, quiet=quiet)
        demo.run(scene)
        demo.finish(scene)
    return demo.report


def start_empty_stage(port: int | None = None) -> Outcome:
    """Forget what the laptop stage stored and start it. Raises: BadInput, DependencyError."""
    run_stage("clean")
    up = run_stage("up", *([] if port is None else ["--port", str(port)]))
    return Outcome(up.get("status", "up") == "up", str(up.get("endpoint")), {"stage": up})


def set_scene(world: RetimedWorld, *, fault: FaultName, seed: int, quiet: bool = False) -> Scene:
    """Return the scene on the stack that commands talk to. Raises: BadInput."""
    ports = open_ports()
    return Scene(
        stage=open_stage(ports),
        catalogues=ports.catalogues,
        world=world,
        fault=fault,
        seed=seed,
        quiet=quiet,
    )
