"""One seed's world, day after day: made, put into a lake, audited by the catalogue of audits.

Quiet days are made once. A fault's days are made anew from the injection on: whole when it takes
hold before serving, only the tables that it touches when it corrupts what was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property

from recsysops.adapters.arrow_lake import ArrowLake
from recsysops.adapters.memory import (
    MemoryBlobs,
    MemoryIncidents,
    MemoryNotifier,
    MemoryRegistry,
)
from recsysops.detection.catalogue import AUDITS
from recsysops.detection.declaration import Audit
from recsysops.request_log.records import TABLES
from recsysops.simulation.gauntlet.columns import Columns
from recsysops.simulation.gauntlet.corruptions import ActiveFault
from recsysops.simulation.gauntlet.lake_tables import to_arrow
from recsysops.simulation.gauntlet.linear_model import Model, train_model
from recsysops.simulation.gauntlet.log_day import LoggedDay, log_day
from recsysops.simulation.gauntlet.responses import Taste
from recsysops.simulation.gauntlet.serve_day import Corrupt, leave_alone, serve_day
from recsysops.simulation.gauntlet.upstream import Upstream, first_morning, next_morning
from recsysops.simulation.gauntlet.world import World
from recsysops.vocabulary import Incident, ModelEntry, Window
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.run_audit import AuditPorts, run_audit

WEEK = 7
BURN_IN = 7
"""Days before the first reference: popularity settles, nothing is audited."""
_RETRAINED_ON = 3
"""Day of every week on which a newly trained model goes into production."""
_HOUR = timedelta(hours=1)

HOURLY: tuple[Audit, ...] = tuple(audit for audit in AUDITS if audit.every == "hour")
DAILY: tuple[Audit, ...] = tuple(audit for audit in AUDITS if audit.every == "day")


@dataclass(frozen=True, slots=True)
class AuditedWindow:
    """One judged window and the incidents that it opened."""

    window: Window
    opened: tuple[Incident, ...]


class SeedWorld:
    """A world, its lake and its incident book, from the first reference week on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lake = ArrowLake()
        self._taste = Taste(world)
        self._models: dict[int, Model] = {}
        self.mornings: dict[int, Upstream] = {}
        self.quiet: dict[int, LoggedDay] = {}
        self._baselines = BaselineStore(MemoryBlobs())
        self._burn_in()

    def make_quiet_days(self, first: int, last: int) -> None:
        """Make quiet days first..last and put them into the lake."""
        for day in range(first, last + 1):
            logged = self.make(self.mornings[day], leave_alone)
            self.quiet[day] = logged
            self.put(logged.tables, day, part=str(day))
            self.mornings[day + 1] = next_morning(
                self.world, self.mornings[day], played=logged.played
            )

    def forget_days(self, before: int) -> None:
        """Forget quiet days that no window looks at any more."""
        for day in [day for day in self.quiet if day < before]:
            del self.quiet[day]
            self.mornings.pop(day, None)
            self.lake.drop(str(day))

    def audit_quiet_day(self, day: int, book: MemoryIncidents) -> list[AuditedWindow]:
        """Judge a quiet day against the week before its own."""
        self.lake.compose(self.layout(day, {}))
        return self.audit(day, book)

    def run_fault(self, fault: ActiveFault, *, days: Sequence[int], name: str) -> FaultDays:
        """Return the fault's days, to be audited one after the other."""
        return FaultDays(self, fault, tuple(days), name)

    def _burn_in(self) -> None:
        upstream = first_morning(self.world)
        while upstream.day < BURN_IN:
            logged = self.make(upstream, leave_alone)
            upstream = next_morning(self.world, upstream, played=logged.played)
        self.mornings[BURN_IN] = upstream

    def make(self, upstream: Upstream, corrupt: Corrupt) -> LoggedDay:
        """Serve and log one day, with whatever is wrong with it."""
        model = self._model_of(upstream.day)
        served = serve_day(self.world, upstream, model, corrupt=corrupt)
        logged = log_day(self.world, self._taste, served)
        tables = {name: corrupt(name, columns) for name, columns in logged.tables.items()}
        return LoggedDay(logged.day, tables, logged.played)

    def _model_of(self, day: int) -> Model:
        version = self._version_of(day)
        if version not in self._models:
            trained_on = self.world.date_of(_first_day_of(version))
            self._models[version] = train_model(self.world, version=version, trained_on=trained_on)
        return self._models[version]

    @staticmethod
    def _version_of(day: int) -> int:
        return (day - _RETRAINED_ON) // WEEK + 1

    def put(self, tables: Mapping[str, Columns], day: int, *, part: str) -> None:
        """Write a day's tables into the lake as one part."""
        for table, columns in tables.items():
            rows = to_arrow(table, columns, ingest_day=self.world.date_of(day))
            self.lake.put(table, part, rows)

    def layout(self, day: int, changed: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Return the parts of every table from the reference until `day`.

        changed: table → parts that stand for the days of the fault.
        """
        first = self.reference_week(day)
        layout = {}
        for table in TABLES:
            own = list(changed.get(table, ()))
            gone = {int(part.split(":")[0]) for part in own}
            days = [d for d in range(first, day + 1) if d in self.quiet and d not in gone]
            layout[table] = [*map(str, days), *own] if self._has(table) else []
        return layout

    def _has(self, table: str) -> bool:
        return any(table in logged.tables for logged in self.quiet.values())

    @staticmethod
    def reference_week(day: int) -> int:
        """Return the first day of the week before a day's own."""
        return BURN_IN + ((day - BURN_IN) // WEEK - 1) * WEEK

    def audit(self, day: int, book: MemoryIncidents) -> list[AuditedWindow]:
        """Judge the day as the lake is composed: its hours first, then the whole."""
        whole = self._days(day, day + 1)
        hours = [
            Window(whole.start + place * _HOUR, whole.start + (place + 1) * _HOUR)
            for place in range(24 if HOURLY else 0)
        ]
        first = self.reference_week(day)
        reference = self._days(first, first + WEEK)
        judged = [self._judge(hour, reference, HOURLY, day, book) for hour in hours]
        return [*judged, self._judge(whole, reference, DAILY, day, book)]

    def _judge(
        self,
        window: Window,
        reference: Window,
        audits: Sequence[Audit],
        day: int,
        book: MemoryIncidents,
    ) -> AuditedWindow:
        ports = AuditPorts(self.lake, self._registry(day), book, MemoryNotifier())
        report = run_audit(
            window,
            reference=reference,
            ports=ports,
            now=window.end,
            run_id=f"gauntlet-{self.world.seed}",
            audits=audits,
            baselines=self._baselines,
        )
        return AuditedWindow(window, tuple(book.get(name) for name in report.opened))

    def _registry(self, day: int) -> MemoryRegistry:
        model = self._model_of(day)
        trained_at = datetime.combine(model.trained_on, time(), UTC)
        return MemoryRegistry(
            [
                ModelEntry(model.model_id, "production", trained_at),
                ModelEntry(f"{model.model_id}-c", "candidate", trained_at),
            ]
        )

    def _days(self, first: int, after: int) -> Window:
        start, end = (
            datetime.combine(self.world.date_of(day), time(), UTC) for day in (first, after)
        )
        return Window(start, end)


class FaultDays:
    """The days of one fault in one seed's world, each made when it is audited."""

    def __init__(
        self, home: SeedWorld, fault: ActiveFault, days: tuple[int, ...], name: str
    ) -> None:
        self._home = home
        self._fault = fault
        self._name = name
        self._changed: dict[str, list[str]] = {}
        self._upstream = home.mornings[days[0]]
        self.days = days

    def audit_day(self, day: int, book: MemoryIncidents) -> list[AuditedWindow]:
        """Make one more day of the fault and judge it; days must come in order."""
        part = f"{day}:{self._name}"
        tables = self._corrupt_log(day) if self._fault.fault.only_logs else self._serve_next()
        self._home.put(tables, day, part=part)
        for table in tables:
            self._changed.setdefault(table, []).append(part)
        self._home.lake.compose(self._home.layout(day, self._changed))
        return self._home.audit(day, book)

    def forget(self) -> None:
        """Take the fault's days out of the lake."""
        self._home.lake.compose(self._home.layout(self.days[-1], {}))
        for part in {part for parts in self._changed.values() for part in parts}:
            self._home.lake.drop(part)

    @cached_property
    def _touched(self) -> frozenset[str]:
        return frozenset(step.on for step in self._fault.fault.steps)

    def _corrupt_log(self, day: int) -> dict[str, Columns]:
        quiet = self._home.quiet[day].tables
        return {
            table: self._fault.corrupt(table, columns)
            for table, columns in quiet.items()
            if table in self._touched
        }

    def _serve_next(self) -> dict[str, Columns]:
        logged = self._home.make(self._upstream, self._fault.corrupt)
        self._upstream = next_morning(self._home.world, self._upstream, played=logged.played)
        return logged.tables


def _first_day_of(version: int) -> int:
    return (version - 1) * WEEK + _RETRAINED_ON
