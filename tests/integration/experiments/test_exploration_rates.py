"""Evaluating exploration rates from the lake: real SQL, real records, a choice of known effect."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from recsysops.cli.output import print_json
from recsysops.request_log.records import FeedbackEvent
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import SamplingPlan, Window, hash_group, hash_unit
from recsysops.workflows.evaluate_policy import EvaluationTerms, PolicyReport, evaluate_lake

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import NOW, make_world

WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
REQUESTS, LIMIT, RATE = 700, 3, 0.5


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> LakeQueries:
    """Members play half of what keeps its slot and a fifth of what was explored."""
    world = make_world(60, members=40)
    world.flags.plan = SamplingPlan(rate=0.0, raised_rate=0.0, explore_rate=RATE)
    for number in range(REQUESTS):
        world.recommend(f"r-{number}", f"m{1 + number % 40}", limit=LIMIT)
    plays = [
        FeedbackEvent(
            event_id=f"{line.request_id}-{slot}", request_id=line.request_id,
            event_time=NOW + timedelta(hours=2), member=line.member,
            member_group=hash_group(line.member), item_id=item_id, kind="play", value=1.0,
            traffic="live",
        )
        for line in world.slim()
        for slot, (item_id, chance) in enumerate(zip(line.shown, line.propensities, strict=True))
        if hash_unit(f"play-{slot}", line.request_id) < (0.5 if chance > 0.5 else 0.2)
    ]  # fmt: skip
    rows = {
        "slim_requests": [to_row(line) for line in world.slim()],
        "feedback": [to_row(event) for event in plays],
    }
    return LakeQueries(tmp_path_factory.mktemp("lake"), rows, dt=NOW.date().isoformat())


def values(report: PolicyReport) -> dict[str, float]:
    assert report.evaluation is not None, report.refusal
    return {one.estimator: one.value.value * report.scale for one in report.evaluation.estimates}


def test_what_exploration_costs_is_found_per_thousand_requests(lake: LakeQueries) -> None:
    report = evaluate_lake(lake, WINDOW, rate=0.0)
    assert (report.policy, report.unit) == ("greedy", "plays per 1,000 requests")
    assert report.decisions == REQUESTS * LIMIT
    assert report.evaluation is not None
    gain = report.evaluation.estimates[2].gain
    assert gain is not None
    # 1,000 requests × 0.5 explored slots × 0.3 plays lost on each
    assert gain.low * report.scale < 150.0 < gain.high * report.scale
    assert values(report)["snips"] == pytest.approx(1_500.0, abs=90.0)


def test_more_exploration_would_cost_in_proportion(lake: LakeQueries) -> None:
    found = values(evaluate_lake(lake, WINDOW, rate=1.0))
    assert found["snips"] == pytest.approx(1_200.0, abs=90.0)
    assert found["dr"] == pytest.approx(found["snips"], abs=60.0)


def test_a_report_is_one_json_document_in_its_unit(
    lake: LakeQueries, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate_lake(lake, WINDOW, rate=0.0)
    print_json(report.to_document())
    document = json.loads(capsys.readouterr().out)
    assert document["refusal"] is None
    assert document["support"]["decisions"] == REQUESTS * LIMIT
    assert document["method"]["interval_method"] == "bootstrap"
    assert len(document["estimates"]) == 6


def test_bernstein_bounds_say_which_method_they_are(lake: LakeQueries) -> None:
    report = evaluate_lake(lake, WINDOW, rate=0.0, terms=EvaluationTerms("bernstein"))
    assert report.evaluation is not None
    assert report.evaluation.interval_method == "bernstein"


def test_clicks_are_judged_apart_from_plays_and_refused_without_any(lake: LakeQueries) -> None:
    report = evaluate_lake(lake, WINDOW, rate=0.0, kind="click")
    assert report.evaluation is None
    assert "only 0 clicks of explored slots are logged (10 needed)" in (report.refusal or "")
    assert report.decisions == REQUESTS * LIMIT


def test_an_empty_window_is_refused(lake: LakeQueries) -> None:
    report = evaluate_lake(lake, Window(WINDOW.end, WINDOW.end), rate=0.0)
    assert report.refusal == "could not judge, because no request of the window explored"
    assert report.to_document()["estimates"] == []
