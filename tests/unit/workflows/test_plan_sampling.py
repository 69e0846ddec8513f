"""Rates planned from a real log in a lake, deployed only when they change something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.errors import BadInput
from recsysops.request_log.schema import to_row
from recsysops.serving.roll_out import dump_sampling_plan, parse_sampling_plan
from recsysops.vocabulary import SamplingPlan, Window
from recsysops.workflows.plan_sampling import (
    LogBudget,
    SampledPlan,
    count_traffic,
    deploy_sampling,
    plan_sampling,
    read_sampling_plan,
)

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import NOW, make_world

MIRRORED = {"request_id": "theirs", "inclusion_probability": 0.0}
DAY = Window(NOW.replace(hour=0), NOW.replace(hour=0) + timedelta(days=1))


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> LakeQueries:
    """Sixty requests, every third of a member that nobody knows; one line came twice."""
    world = make_world(30)
    world.flags.plan = replace(world.flags.plan, explore_rate=0.0)
    for number in range(60):
        world.recommend(f"r-{number}", "nobody" if number % 3 == 0 else "m1")
    slim = [to_row(line) for line in world.slim()]
    rows = {
        "slim_requests": [*slim, slim[0], {**slim[1], **MIRRORED}],
        "full_requests": [to_row(record) for record in world.full()],
    }
    folder: Path = tmp_path_factory.mktemp("lake")
    return LakeQueries(folder, rows, dt=NOW.date().isoformat())


def planned(queries: LakeQueries, **budget: float) -> SampledPlan:
    return plan_sampling(DAY, budget=LogBudget(**budget), queries=queries, current=SamplingPlan())


def test_traffic_is_counted_a_day_by_stratum_and_by_whether_it_is_raised(
    queries: LakeQueries,
) -> None:
    counted = count_traffic(DAY, queries)
    assert sum(one.ordinary for one in counted) == 40
    assert sum(one.raised for one in counted) == 20, "fallbacks"
    two_days = Window(DAY.start, DAY.end + timedelta(days=1))
    assert sum(one.ordinary for one in count_traffic(two_days, queries)) == 20


def test_a_plan_logs_its_budget(queries: LakeQueries) -> None:
    everything = planned(queries, rows_per_day=1_000.0)
    assert set(everything.planned.plan.stratum_rates.values()) == {1.0}
    assert everything.planned.expected_rows == 60


def test_bytes_become_rows_by_the_size_of_logged_records(queries: LakeQueries) -> None:
    by_bytes = planned(queries, bytes_per_day=1e6)
    assert 50 < by_bytes.budget_rows < 1_000


def test_a_budget_needs_an_amount(queries: LakeQueries) -> None:
    for budget in ({}, {"rows_per_day": 0.0}, {"bytes_per_day": -1.0}):
        with pytest.raises(BadInput, match="rows or bytes"):
            planned(queries, **budget)


def test_a_plan_is_deployed_once(queries: LakeQueries) -> None:
    deployer = MemoryConfigDeployer()
    made = planned(queries, rows_per_day=1_000.0)
    first = deploy_sampling(made, deployer=deployer, note="a test")
    again = deploy_sampling(made, deployer=deployer, note="a test")
    assert (first.deployment_id, again.deployment_id) == ("1", "")
    assert parse_sampling_plan(deployer.current()) == made.planned.plan


def test_what_others_decided_in_the_plan_is_kept(queries: LakeQueries) -> None:
    current = SamplingPlan(explore_rate=0.03, raised_per_minute=7)
    deployer = MemoryConfigDeployer()
    deployer.deploy(dump_sampling_plan(current), strategy="at-once", note="")
    budget = LogBudget(rows_per_day=10.0)
    made = plan_sampling(DAY, budget=budget, queries=queries, current=read_sampling_plan(deployer))
    assert (made.planned.plan.explore_rate, made.planned.plan.raised_per_minute) == (0.03, 7)


def test_a_broken_plan_is_planned_over_with_the_default() -> None:
    deployer = MemoryConfigDeployer()
    deployer.deploy("nonsense", strategy="at-once", note="")
    assert read_sampling_plan(deployer) == SamplingPlan()


def test_an_outage_raises_so_many_requests_a_minute_and_no_more() -> None:
    world = make_world(30)
    world.flags.plan = SamplingPlan(
        rate=0.1, raised_rate=0.9, explore_rate=0.0, raised_per_minute=20
    )
    for number in range(50):
        world.recommend(f"r-{number}", "nobody")
    rates = [line.inclusion_probability for line in world.slim()]
    assert rates == [0.9] * 20 + [0.1] * 30
