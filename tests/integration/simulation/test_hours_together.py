"""Hours of a day, and days of a week, asked at once: the answers are those of each alone."""

from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest
from recsysops.adapters.arrow_lake import ArrowLake
from recsysops.adapters.memory import MemoryBlobs, MemoryRegistry
from recsysops.cli.gameday.seed_world import DAILY, HOURLY
from recsysops.cli.gameday.week_answers import _ADDS_UP, ask_together
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_edges
from recsysops.detection.context import make_context, name_windows
from recsysops.detection.many_windows import can_ask_together, render_together, split_answer
from recsysops.detection.packed import add_up, read_packed, tell_packed
from recsysops.ports import Row
from recsysops.simulation.gauntlet.corruptions import ActiveFault
from recsysops.simulation.gauntlet.fault_file import load_faults
from recsysops.simulation.gauntlet.lake_tables import to_arrow
from recsysops.simulation.gauntlet.linear_model import train_model
from recsysops.simulation.gauntlet.log_day import log_day
from recsysops.simulation.gauntlet.made_up_world import make_simulated_world
from recsysops.simulation.gauntlet.responses import Taste
from recsysops.simulation.gauntlet.serve_day import leave_alone, serve_day
from recsysops.simulation.gauntlet.upstream import first_morning, next_morning
from recsysops.vocabulary import Window
from recsysops.workflows.judge_audit import judge_audit
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.plan_audits import PlannedAudit, plan_audits

_BROKEN = ("log_loss", "fallback_storm", "refused_flag_document", "nan_scores")
"""Faults of what the hourly audits look at, all at once."""
_HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def lake() -> ArrowLake:
    """Three days, all but the first with faults."""
    world = make_simulated_world(4)
    taste, model = Taste(world), train_model(world, version=0, trained_on=world.first_day)
    faults = [
        ActiveFault(fault, fault.magnitude.size_of("large", floor=0.1), world)
        for fault in load_faults()
        if fault.name in _BROKEN
    ]
    lake, upstream = ArrowLake(), first_morning(world)
    for day in (0, 1, 2):
        logged = log_day(world, taste, serve_day(world, upstream, model, corrupt=leave_alone))
        for table, quiet in logged.tables.items():
            columns = quiet
            for fault in faults if day else ():
                columns = fault.corrupt(table, columns)
            lake.put(table, str(day), to_arrow(table, columns, ingest_day=world.date_of(day)))
        upstream = next_morning(world, upstream, played=logged.played)
    lake.compose(dict.fromkeys(logged.tables, ("0", "1", "2")))
    return lake


def test_every_hourly_audit_hears_the_same_together_as_alone(
    lake: ArrowLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = datetime.combine(make_simulated_world(4).date_of(0), time(), UTC)
    reference = Window(first, first + 24 * _HOUR)
    hours = [Window(first + n * _HOUR, first + (n + 1) * _HOUR) for n in range(24, 48)]
    baselines = BaselineStore(MemoryBlobs())
    asked: list[PlannedAudit] = []
    for hour in hours:
        plan = plan_audits(
            name_windows(hour, reference=reference),
            registry=MemoryRegistry([]),
            now=hour.end,
            audits=HOURLY,
            baselines=baselines,
        )
        for one in plan.audits:
            if one.audit.cumulative:  # everything so far is no window
                continue
            if one.context.asked == "both":
                judge_audit(
                    one.audit,
                    context=one.context,
                    fetch_rows=lambda sql=one.sql: lake.run(sql),
                    baselines=baselines,
                )
            else:
                asked.append(one)
    alone = [lake.run(one.sql) for one in asked]
    assert len(asked) == 23 * sum(not audit.cumulative for audit in HOURLY)
    lake._answers.clear()
    ask_together(lake, asked)
    monkeypatch.setattr(lake, "_ask", None)  # who asks again fails
    assert [lake.run(one.sql) for one in asked] == alone
    assert len({repr(rows) for rows in alone}) > 2 * len(hours)


def test_every_daily_audit_hears_the_same_of_days_together_as_of_each_alone(
    lake: ArrowLake,
) -> None:
    first = datetime.combine(make_simulated_world(4).date_of(0), time(), UTC)
    days = [Window(first + n * 24 * _HOUR, first + (n + 1) * 24 * _HOUR) for n in range(3)]
    contexts = [make_context(window=day, reference=days[0]) for day in days[1:]]
    audits = [audit for audit in DAILY if can_ask_together(audit)]
    assert len(audits) > 20
    for audit in audits:
        together = lake.run(render_together(audit, contexts))
        reference, windows = split_answer(together, windows=2)
        kept = read_edges(reference)
        alone = lake.run(audit.render(contexts[0]))
        _assert_same([*reference, *windows[0]], alone)
        if audit.joins_periods:  # never asked for one period alone
            _assert_same([*reference, *windows[1]], lake.run(audit.render(contexts[1])))
            continue
        window_only = contexts[1].model_copy(update={"asked": "window"})
        _assert_same(windows[1], lake.run(audit.render(window_only, edges=kept)))


def _assert_same(found: list[Row], alone: list[Row]) -> None:
    """The same rows in the same order; sums may differ in their last digits."""
    assert [_named(row) for row in found] == [_named(row) for row in alone]
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_allclose(_numbers(one), _numbers(other), rtol=1e-9, atol=1e-9)


def _named(row: Row) -> tuple[object, ...]:
    return row["period"], row["slice"], row["label"], row["n"]


def _numbers(row: Row) -> list[float]:
    packed = str(row["groups"]).replace(":", " ").split()
    return [float(str(number)) for number in (row["ww"], row["wxx"], *packed)]


@pytest.mark.parametrize("name", sorted(_ADDS_UP))
def test_what_adds_up_is_told_of_two_days_as_the_sum_of_each(lake: ArrowLake, name: str) -> None:
    first = datetime.combine(make_simulated_world(4).date_of(0), time(), UTC)
    days = [Window(first + n * 24 * _HOUR, first + (n + 1) * 24 * _HOUR) for n in range(3)]
    audit, both = find_audit(name), Window(days[0].start, days[1].end)
    asked = lake.run(audit.render(make_context(window=days[2], reference=both)))
    told = [row for row in asked if row["period"] == "reference"]
    parts = []
    before = Window(first - 24 * _HOUR, first)
    for day in days[:2]:
        context = make_context(window=day, reference=before).model_copy(update={"asked": "window"})
        parts.append(read_packed(lake.run(audit.render(context))))
    summed = tell_packed(add_up(parts), period="reference")
    _assert_same(sorted(summed, key=_named), sorted(_in_order(told), key=_named))


def _in_order(rows: list[Row]) -> list[Row]:
    return tell_packed(read_packed(rows), period="reference")
