"""A whole stack in memory: what every handler may ask of `bootstrap.Ports`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import numpy as np
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import (
    MemoryDurableLog,
    MemoryIncidents,
    MemoryItems,
    MemoryNotifier,
    MemoryRecordedEvents,
    MemoryRegistry,
)
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.bootstrap import Ports
from recsysops.detection.catalogue import find_audit
from recsysops.detection.context import make_context
from recsysops.detection.sql import render_audit
from recsysops.errors import DependencyError
from recsysops.settings import Settings
from recsysops.vocabulary import Incident, ModelEntry

from tests.fakes.audited_lake import REFERENCE, WINDOW, Day, make_catalogue, next_batch, write_day
from tests.fakes.served_world import NOW, TRAINED_AT, ServedWorld, make_world


class AnsweredQueries:
    """QueryEngine over the lake; a query that a workflow ran before is the `volume` audit's."""

    def __init__(self, lake: DuckDbLake) -> None:
        self._lake = lake

    def run(self, sql: str) -> list[dict[str, object]]:
        return self._lake.run(sql)

    def results(self, query_execution_id: str) -> list[dict[str, object]]:
        if query_execution_id == "gone":
            raise DependencyError("InvalidRequestException: query results are gone")
        context = make_context(window=WINDOW, reference=REFERENCE)
        return self.run(render_audit(find_audit("volume").tables, context))


class NamedRuns:
    """Executions that were started, by name; a name is taken once."""

    def __init__(self) -> None:
        self.started: dict[str, Mapping[str, object]] = {}

    def start_once(self, _: str, name: str, payload: Mapping[str, object]) -> bool:
        is_new = name not in self.started
        self.started.setdefault(name, payload)
        return is_new


@dataclass
class MemoryStack:
    ports: Ports
    world: ServedWorld
    lake: DuckDbLake
    feedback: MemoryDurableLog
    incidents: MemoryIncidents
    notifier: MemoryNotifier
    bus: MemoryNotifier


@cache
def audited_lake() -> DuckDbLake:
    """Two quiet days; read-only tests share it."""
    rng = np.random.default_rng(7)
    lake = DuckDbLake(clock=lambda: WINDOW.end)
    items = make_catalogue(200, rng)
    write_day(lake, Day(REFERENCE, requests=300), items, rng)
    write_day(lake, Day(WINDOW, requests=300), next_batch(items, WINDOW.start.date(), rng), rng)
    return lake


def _past_incident() -> Incident:
    return Incident(
        incident_id="inc-0000000001",
        status="resolved",
        component="traffic",
        subject="home",
        title="requests to surface home: 300 → 30",
        severity="critical",
        detected_at=WINDOW.end,
        window=WINDOW,
        reference=None,
        findings=(),
    )


def make_stack(*, now: datetime = NOW, items: int = 120, **settings: object) -> MemoryStack:
    world = make_world(items)
    lake = audited_lake()
    stack = MemoryStack(
        ports=Ports(Settings.model_validate({"accept_retimed": True, **settings})),
        world=world,
        lake=lake,
        feedback=MemoryDurableLog(),
        incidents=MemoryIncidents([_past_incident()]),
        notifier=MemoryNotifier(),
        bus=MemoryNotifier(),
    )
    ports = stack.ports
    ports.clock = lambda: now
    ports.members, ports.flags, ports.blobs = world.members, world.flags, world.blobs  # type: ignore[assignment]
    ports.impatient_members = world.members
    ports.request_log, ports.feedback_log = world.log, stack.feedback  # type: ignore[assignment]
    ports.consumer_log, ports.recorded_events = stack.feedback, MemoryRecordedEvents()
    ports.items, ports.lake, ports.queries = MemoryItems(world.items), lake, AnsweredQueries(lake)  # type: ignore[assignment]
    ports.incidents, ports.notifier = stack.incidents, stack.notifier
    ports.incident_bus = stack.bus
    ports.runs = NamedRuns()  # type: ignore[assignment]
    ports.sampling_deployer = MemoryConfigDeployer()  # type: ignore[assignment]
    ports.registry = MemoryRegistry(
        [
            ModelEntry(world.artefact.model_id, "production", TRAINED_AT),
            ModelEntry("m-older", "retired", TRAINED_AT - timedelta(days=30)),
        ]
    )
    return stack
