"""Launches against launches of their age: who is ranked lower is named, who came anew is not.

Ranks are drawn by the test: a launch has a standing of its own and keeps it as it grows older.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier, MemoryRegistry
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_distributions
from recsysops.detection.context import make_context
from recsysops.vocabulary import Incident, ModelEntry, Window
from recsysops.workflows.run_audit import AuditPorts, AuditReport, run_audit

from tests.fakes.audited_lake import MODEL, NOW, WINDOW
from tests.fakes.launch_ranks import launch_rank

DAY = timedelta(days=1)
REFERENCE = Window(WINDOW.start - 7 * DAY, WINDOW.start)
FOLLOWED = 7


@dataclass(frozen=True)
class Launch:
    """One item: its day (0 is the window's), supplier, language and standing."""

    number: int
    day: int
    standing: float

    @property
    def source(self) -> str:
        return f"supplier-{1 + self.number % 2}"


Lower = Callable[[Launch], float]


def draw_launches(seed: int, per_day: int = 6) -> list[Launch]:
    rng = np.random.default_rng(seed)
    days = range(-13, 1)
    return [
        Launch(number, day, float(rng.beta(4, 4)))
        for number, day in enumerate(day for day in days for _ in range(per_day))
    ]


def rows_of(launches: list[Launch], day: int, lower: Lower) -> list[dict[str, object]]:
    """Rows of a day; plays lift a launch by a fiftieth of the catalogue a day."""
    moment = WINDOW.start + day * DAY
    return [
        launch_rank(
            launch.number,
            moment,
            age=day - launch.day,
            percentile=launch.standing - 0.02 * (day - launch.day) + lower(launch),
            source=launch.source,
        )
        for launch in launches
        if 0 <= day - launch.day < FOLLOWED
    ]


def write_week(lake: DuckDbLake, launches: list[Launch], lower: Lower = lambda _: 0.0) -> None:
    """Write a quiet reference and a window in which launches stand so much lower."""
    for day in range(-7, 1):
        rows = rows_of(launches, day, lower if day == 0 else lambda _: 0.0)
        moment = WINDOW.start + day * DAY
        if rows:
            lake.write_rows("launch_ranks", rows=rows, ingest_time=moment, name=f"l-{day}")


def audit(lake: DuckDbLake) -> tuple[AuditReport, list[Incident]]:
    book = MemoryIncidents()
    registry = MemoryRegistry([ModelEntry(MODEL, "production", NOW)])
    report = run_audit(
        WINDOW,
        reference=REFERENCE,
        ports=AuditPorts(lake, registry, book, MemoryNotifier()),
        now=NOW,
        audits=[find_audit("launch_rank")],
    )
    return report, book.list_incidents()


def incidents_of(launches: list[Launch], lower: Lower = lambda _: 0.0) -> list[Incident]:
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_week(lake, launches, lower)
        return audit(lake)[1]


@pytest.mark.parametrize("seed", [51, 52, 53])
def test_launches_that_stand_as_those_before_them_are_quiet(seed: int) -> None:
    assert incidents_of(draw_launches(seed)) == []


def test_launches_that_fell_behind_their_peers_are_one_incident_of_the_model() -> None:
    [incident] = incidents_of(draw_launches(51), lambda _: 0.3)
    assert (incident.component, incident.subject) == ("model", "launches")
    [finding, *_] = incident.findings
    assert (finding.audit, finding.metric, finding.slice) == (
        "launch_rank", "launch_rank_percentile", {},
    )  # fmt: skip
    assert finding.observed - finding.baseline == pytest.approx(finding.effect)
    assert 0.2 < finding.effect < 0.4
    assert incident.title.startswith("launches are ranked lower than those of their age were")


def test_launches_that_stand_higher_are_no_incident() -> None:
    assert incidents_of(draw_launches(51), lambda _: -0.3) == []


def test_a_supplier_whose_launches_fell_behind_is_named() -> None:
    [incident] = incidents_of(
        draw_launches(55, per_day=12), lambda one: 0.45 if one.source == "supplier-2" else 0.0
    )
    assert {"source": "supplier-2"} in [dict(finding.slice) for finding in incident.findings]
    assert {"source": "supplier-1"} not in [dict(finding.slice) for finding in incident.findings]


def test_a_day_of_young_launches_alone_is_held_against_young_ones() -> None:
    """Without the older ones the plain mean rises; launch for launch nothing is different."""
    ageing = [Launch(one.number, one.day, 0.5) for one in draw_launches(56)]
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_week(lake, [one for one in ageing if one.day in (0, -1) or one.day < -7])
        context = make_context(window=WINDOW, reference=REFERENCE)
        found = read_distributions(lake.run(find_audit("launch_rank").render(context)))
        [check, *_] = find_audit("launch_rank").judge(found, context)
    assert check.baseline == pytest.approx(0.5 - 0.01)
    assert check.effect == pytest.approx(0.0, abs=1e-9)


def test_the_mean_is_standardised_by_age_by_hand() -> None:
    """Ages 0 and 1 at 0.6 and 0.5 before; two of age 0 at 0.8 and one of age 1 at 0.5 now, 5 times
    each: expected (2·0.6 + 0.5) / 3, observed (2·0.8 + 0.5) / 3."""
    with DuckDbLake(clock=lambda: NOW) as lake:
        for name, moment, told in (
            ("before", REFERENCE.start, [(0, 0.6), (1, 0.5)] * 10),
            ("now", WINDOW.start, [(0, 0.8), (0, 0.8), (1, 0.5)] * 5),
        ):
            rows = [
                launch_rank(number, moment, age=age, percentile=percentile)
                for number, (age, percentile) in enumerate(told)
            ]
            lake.write_rows("launch_ranks", rows=rows, ingest_time=moment, name=name)
        context = make_context(window=WINDOW, reference=REFERENCE)
        found = read_distributions(lake.run(find_audit("launch_rank").render(context)))
    whole = next(c for c in find_audit("launch_rank").judge(found, context) if not c.slice)
    assert whole.baseline == pytest.approx((2 * 0.6 + 0.5) / 3)
    assert whole.observed == pytest.approx((2 * 0.8 + 0.5) / 3)


def test_of_a_launch_or_two_nothing_is_said() -> None:
    few = [one for one in draw_launches(51, per_day=1) if one.day % 4 == 0]
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_week(lake, few, lambda _: 0.4)
        report, incidents = audit(lake)
    assert (report.unjudged, incidents) == ({}, [])


@pytest.mark.parametrize("last", [-99, -8])
def test_a_shop_without_launches_or_after_its_last_has_nothing_to_compare(last: int) -> None:
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_week(lake, [one for one in draw_launches(51) if one.day <= last])
        report, incidents = audit(lake)
    assert (report.unjudged, incidents) == ({}, [])
