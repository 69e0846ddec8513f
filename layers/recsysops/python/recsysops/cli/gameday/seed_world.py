"""One seed's world, day after day: made, put into a lake, audited by the catalogue of audits.

Quiet days are made once. A fault's days are made anew from the injection on: whole when it takes
hold before serving, only the tables that it touches when it corrupts what was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property

import pyarrow as pa

from recsysops.adapters.arrow_lake import ArrowLake
from recsysops.adapters.memory import (
    MemoryBlobs,
    MemoryIncidents,
    MemoryNotifier,
    MemoryRegistry,
)
from recsysops.cli.gameday.judged_once import JudgedOnce
from recsysops.cli.gameday.week_answers import WeekAnswers, ask_together
from recsysops.detection.catalogue import AUDITS
from recsysops.detection.context import name_windows
from recsysops.detection.declaration import Audit
from recsysops.simulation.gauntlet.columns import Columns
from recsysops.simulation.gauntlet.corruptions import ActiveFault
from recsysops.simulation.gauntlet.lake_tables import to_arrow
from recsysops.simulation.gauntlet.linear_model import Model, train_model
from recsysops.simulation.gauntlet.log_day import LoggedDay, log_day
from recsysops.simulation.gauntlet.responses import Taste
from recsysops.simulation.gauntlet.serve_day import Corrupt, leave_alone, serve_day
from recsysops.simulation.gauntlet.training import TRAINING_TABLES, train_now
from recsysops.simulation.gauntlet.upstream import Upstream, first_morning, next_morning
from recsysops.simulation.gauntlet.world import World
from recsysops.vocabulary import Incident, ModelEntry, Window
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.plan_audits import AuditPlan, plan_audits
from recsysops.workflows.run_audit import AuditPorts, carry_out

WEEK = 7
BURN_IN = 7
"""Days before the first reference: popularity settles, nothing is audited."""
_RETRAINED_ON = 3
"""Day of every week on which a newly trained model goes into production."""
_HOUR = timedelta(hours=1)

HOURLY: tuple[Audit, ...] = tuple(audit for audit in AUDITS if audit.every == "hour")
_BY_HOUR: tuple[Audit, ...] = tuple(audit for audit in HOURLY if not audit.cumulative)
DAILY: tuple[Audit, ...] = tuple(audit for audit in AUDITS if audit.every == "day")


Layout = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class AuditedWindow:
    """One judged window and the incidents that it opened, or named the cause of."""

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
        self._apart: set[str] = set()
        self._baselines = BaselineStore(MemoryBlobs())
        self._once = JudgedOnce(self.lake, self._baselines)
        self._answers = WeekAnswers(self.lake, self._baselines)
        self._burn_in()

    def make_quiet_days(self, first: int, last: int) -> None:
        """Make quiet days first..last."""
        for day in range(first, last + 1):
            logged = self.make(self.mornings[day], leave_alone)
            self.quiet[day] = logged
            self.mornings[day + 1] = next_morning(
                self.world, self.mornings[day], played=logged.played
            )

    def put_quiet_days(self, first: int, last: int) -> None:
        """Put quiet days first..last of one week into the lake, in the part of their week."""
        days = [self._as_arrow(self.quiet[day].tables, day) for day in range(first, last + 1)]
        for table in days[0]:
            together = pa.concat_tables([tables[table] for tables in days])
            self.lake.put(table, _week_of(first), together)

    def forget_days(self, before: int) -> None:
        """Forget quiet days that no window looks at any more."""
        for day in [day for day in self.quiet if day < before]:
            del self.quiet[day]
            self.mornings.pop(day, None)
            self.lake.drop(_week_of(day))
        self._once.forget()

    def audit_quiet_days(self, first: int, last: int, book: MemoryIncidents) -> None:
        """Put quiet days first..last of one week into the lake and judge them against the last one.

        The days' own questions are asked at once: see `WeekAnswers`.
        """
        days = range(first, last + 1)
        self.put_quiet_days(first, last)
        self.lake.compose(self.layout(first))
        begin = self.reference_week(first)
        reference = self._days(begin, begin + WEEK)
        self._answers.ask([self._days(day, day + 1) for day in days], reference)
        for place, day in enumerate(days):
            registry = _approving(self.model_of(day))
            plan = self._plan(self._days(day, day + 1), reference, DAILY, registry)
            self._answers.tell(plan, place=place)
            for _ in self.audit(day, book):
                pass

    def part_of_quiet_day(self, day: int) -> str:
        """Return the part with a quiet day apart, for tables that a fault of the log leaves."""
        part = f"day:{day}"
        if part not in self._apart:
            self.put(self.quiet[day].tables, day, part=part)
            self._apart.add(part)
        return part

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
        return self.make_with(self.model_of(upstream.day), upstream, corrupt)

    def make_with(self, model: Model, upstream: Upstream, corrupt: Corrupt) -> LoggedDay:
        """Serve and log one day of a given model."""
        served = serve_day(self.world, upstream, model, corrupt=corrupt)
        logged = log_day(self.world, self._taste, served)
        tables = {name: corrupt(name, columns) for name, columns in logged.tables.items()}
        return LoggedDay(logged.day, tables, logged.played)

    def model_of(self, day: int) -> Model:
        """Return the model that serves a quiet day."""
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
        for table, rows in self._as_arrow(tables, day).items():
            self.lake.put(table, part, rows)

    def _as_arrow(self, tables: Mapping[str, Columns], day: int) -> dict[str, pa.Table]:
        ingested = self.world.date_of(day)
        return {
            table: to_arrow(table, columns, ingest_day=ingested)
            for table, columns in tables.items()
        }

    def layout(self, day: int, added: Mapping[str, Sequence[str]] | None = None) -> Layout:
        """Return the parts of every table: the week before, the quiet days of the day's own.

        added: table → parts with the days of a fault.
        """
        tables = next(iter(self.quiet.values())).tables
        weeks = [_week_of(day - WEEK), _week_of(day)]
        return {table: [*weeks, *(added or {}).get(table, ())] for table in tables}

    @staticmethod
    def reference_week(day: int) -> int:
        """Return the first day of the week before a day's own."""
        return BURN_IN + ((day - BURN_IN) // WEEK - 1) * WEEK

    def audit(
        self, day: int, book: MemoryIncidents, *, model: Model | None = None
    ) -> Iterator[AuditedWindow]:
        """Judge the day as the lake is composed: its hours first, then the whole.

        model: the one that the registry calls production, the week's own by default.
        """
        registry = _approving(model or self.model_of(day))
        whole = self._days(day, day + 1)
        hours = [
            Window(whole.start + place * _HOUR, whole.start + (place + 1) * _HOUR)
            for place in range(24 if HOURLY else 0)
        ]
        first = self.reference_week(day)
        reference = self._days(first, first + WEEK)
        for hour in hours[:1]:
            yield self._judge(self._plan(hour, reference, _BY_HOUR, registry), registry, book)
        # from here on the reference is kept, and each asks its window alone; what is cumulative is
        # looked at once a day: 24 looks at nearly the same rows cost 24
        later = [
            self._plan(hour, reference, HOURLY if hour is hours[-1] else _BY_HOUR, registry)
            for hour in hours[1:]
        ]
        ask_together(self.lake, [planned for plan in later for planned in plan.audits])
        for plan in later:
            yield self._judge(plan, registry, book)
        yield self._judge(self._plan(whole, reference, DAILY, registry), registry, book)

    def _plan(
        self, window: Window, reference: Window, audits: Sequence[Audit], registry: MemoryRegistry
    ) -> AuditPlan:
        run_id = f"gauntlet-{self.world.seed}"
        return plan_audits(
            {**name_windows(window, reference=reference), "run_id": run_id},
            registry=registry,
            now=window.end,
            audits=audits,
            baselines=self._baselines,
        )

    def _judge(
        self, plan: AuditPlan, registry: MemoryRegistry, book: MemoryIncidents
    ) -> AuditedWindow:
        window = plan.context.window
        ports = AuditPorts(self.lake, registry, book, MemoryNotifier())
        report = carry_out(plan, ports=ports, now=window.end, judge=self._once.judge)
        named = (*report.opened, *report.renamed)
        return AuditedWindow(window, tuple(book.get(name) for name in named))

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
        self.days = days
        self._home = home
        self._fault = fault
        self._part = f"fault:{name}"
        self._quiet_parts: list[str] = []
        self._upstream = home.mornings[days[0]]

    def audit_day(self, day: int, book: MemoryIncidents) -> Iterator[AuditedWindow]:
        """Make one more day of the fault and judge its windows; days must come in order."""
        tables = self._corrupt_log(day) if self._fault.fault.only_logs else self._serve_next()
        self._home.put(tables, day, part=self._part)
        if self._fault.fault.only_logs:
            self._quiet_parts.append(self._home.part_of_quiet_day(day))
        layout = {
            table: [self._part] if table in tables else self._quiet_parts
            for table in self._home.quiet[day].tables
        }
        self._home.lake.compose(self._home.layout(day, layout))
        return self._home.audit(day, book, model=self._model_of(day))

    def forget(self) -> None:
        """Take the fault's days out of the lake."""
        self._home.lake.compose(self._home.layout(self.days[0]))
        self._home.lake.drop(self._part)

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
        model = self._model_of(self._upstream.day)
        logged = self._home.make_with(model, self._upstream, self._fault.corrupt)
        self._upstream = next_morning(self._home.world, self._upstream, played=logged.played)
        return logged.tables

    def _model_of(self, day: int) -> Model:
        return self._trained or self._home.model_of(day)

    @cached_property
    def _trained(self) -> Model | None:
        """The model that a faulty training releases on the fault's first morning."""
        if self._touched.isdisjoint(TRAINING_TABLES):
            return None
        return train_now(
            self._home.world,
            self._home.mornings[self.days[0]],
            version=self._home.model_of(self.days[0]).version + 1,
            corrupt=self._fault.corrupt,
        )


def _approving(model: Model) -> MemoryRegistry:
    trained_at = datetime.combine(model.trained_on, time(), UTC)
    return MemoryRegistry(
        [
            ModelEntry(model.model_id, "production", trained_at),
            ModelEntry(f"{model.model_id}-c", "candidate", trained_at),
        ]
    )


def _week_of(day: int) -> str:
    return f"week:{(day - BURN_IN) // WEEK}"


def _first_day_of(version: int) -> int:
    return (version - 1) * WEEK + _RETRAINED_ON
