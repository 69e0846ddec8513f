"""Open Bandit, if it lies beside the repository: each policy's clicks from the other one's log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recsysops.datasets.open_bandit import BanditPolicy, Campaign
from recsysops.workflows.evaluate_policy import PolicyReport, evaluate_open_bandit

BESIDE = Path(__file__).parents[4] / "shared" / "data" / "open-bandit"
DATA = Path(os.environ.get("OPEN_BANDIT", BESIDE))


def evaluate(campaign: Campaign, *, logged: BanditPolicy, policy: BanditPolicy) -> PolicyReport:
    for one in (logged, policy):
        if not list((DATA / one / campaign).glob(f"{campaign}.csv*")):
            pytest.skip(f"Open Bandit {one}/{campaign} is not here")
    return evaluate_open_bandit(DATA, campaign=campaign, logged=logged, policy=policy)


@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_thompson_samplings_clicks_are_covered_from_the_uniform_log(campaign: Campaign) -> None:
    report = evaluate(campaign, logged="random", policy="bts")
    assert report.evaluation is not None
    assert report.on_policy is not None
    for one in report.evaluation.estimates:
        # both are estimates: their intervals must meet
        assert one.value.low <= report.on_policy.high, one.estimator
        assert one.value.high >= report.on_policy.low, one.estimator
    doubly_robust = next(one for one in report.evaluation.estimates if one.estimator == "dr")
    assert doubly_robust.value.contains(report.on_policy.value)


def test_the_uniform_policy_is_not_guessed_from_a_handful_of_clicks() -> None:
    report = evaluate("all", logged="bts", policy="random")
    assert report.evaluation is None
    assert report.refusal is not None
    assert "rewarded decisions in effect" in report.refusal


def test_two_effective_decisions_are_refused() -> None:
    report = evaluate("women", logged="bts", policy="random")
    assert report.refusal is not None
    assert "weighting leaves 2 of 10000 decisions in effect" in report.refusal
