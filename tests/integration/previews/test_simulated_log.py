"""The simulated window is a log as production writes it, and reads back from the lake as one."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.request_log.records import FullRequest, SlimRequest
from recsysops.request_log.schema import encode_record
from recsysops.resolution.logged_window import arrange_window
from recsysops.serving.replay import compare_replay, replay_record
from recsysops.simulation.clicks import ClickWorld, build_click_world
from recsysops.vocabulary import SamplingPlan, Window
from recsysops.workflows.preview_hotfix import read_window
from recsysops.workflows.simulate_clicks import START, SimulatedLog, serve_window

PLAN = SamplingPlan()


@pytest.fixture(scope="module")
def world() -> ClickWorld:
    return build_click_world(3000, member_count=40)


@pytest.fixture(scope="module")
def log(world: ClickWorld) -> SimulatedLog:
    return serve_window(world, seed=3000, requests=1_500, plan=PLAN)


def test_every_full_record_replays_bit_for_bit(world: ClickWorld, log: SimulatedLog) -> None:
    explored = [record for record in log.full if record.arm == "explore"]
    for record in (*log.full[:40], *explored[:40]):
        assert compare_replay(record, replay_record(record, world.broken)).bit_equal


def test_rows_are_valid_records(log: SimulatedLog) -> None:
    for line in log.slim[:20]:
        assert SlimRequest.model_validate(line.model_dump()) == line
    for record in log.full[:20]:
        assert FullRequest.model_validate(record.model_dump()) == record


def test_exploration_and_sampling_happen_as_often_as_planned(log: SimulatedLog) -> None:
    explored = np.mean([line.arm == "explore" for line in log.slim])
    assert abs(explored - PLAN.explore_rate) < 0.03
    weight = sum(1.0 / record.inclusion_probability for record in log.full)
    assert abs(weight / len(log.slim) - 1.0) < 0.1


def test_clicks_come_as_often_as_the_truth_says(world: ClickWorld, log: SimulatedLog) -> None:
    row_of = world.broken.row_of
    chances = [
        world.relevance[int(line.member, 16), [row_of[item] for item in line.shown]]
        @ world.examination
        for line in log.slim
    ]
    expected, found = sum(chances), len(log.feedback)
    assert abs(found - expected) < 4 * np.sqrt(expected)


def test_a_window_read_from_the_lake_equals_the_one_in_memory(log: SimulatedLog) -> None:
    with DuckDbLake(clock=lambda: START) as lake:
        lake.write("slim_requests", [encode_record(line) for line in log.slim])
        lake.write("full_requests", [encode_record(record) for record in log.full])
        lake.append("feedback", [encode_record(event) for event in log.feedback])
        # Firehose may deliver a line twice
        lake.write("slim_requests", [encode_record(log.slim[0])])
        lake.flush()
        read = read_window(lake, Window(START, START + timedelta(minutes=1)))
    memory = arrange_window(log.full, log.slim, log.feedback)
    assert sorted(read.members) == sorted(memory.members)
    assert read.totals.clicks.sum() == memory.totals.clicks.sum()
    assert read.totals.requests.sum() == memory.totals.requests.sum()
    assert read.records.weight.sum() == pytest.approx(memory.records.weight.sum())
    assert len(read.representatives) == len(memory.representatives)
    assert len(read.records.click_slot) == len(memory.records.click_slot)
