"""How earlier forecasts did."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from recsysops.prediction.conformal import conformity_score
from recsysops.prediction.dry_run import LaunchDryRun
from recsysops.prediction.forecast import LaunchForecast
from recsysops.prediction.track_record import (
    ScoredForecast,
    calibration_points,
    summarize_record,
)
from recsysops.vocabulary import UpcomingLaunch

from tests.fakes.launch_stage import LAUNCH_DAY, make_catalogue_items

LAUNCH = UpcomingLaunch(make_catalogue_items(3)[-1])
FORECAST = LaunchForecast(
    launch=LAUNCH,
    group="a group",
    dry_run=LaunchDryRun("i0002", "m-1", share=0.20, low=0.10, high=0.30),
    interval=(0.05, 0.35),
    refusal=None,
    suspicions=(),
    reasons=(),
)
HELD = ScoredForecast(FORECAST, LAUNCH_DAY, shadow_share=0.0, outcome_share=0.30)
MISSED = ScoredForecast(FORECAST, LAUNCH_DAY, shadow_share=0.1, outcome_share=0.40)
REFUSED = replace(HELD, forecast=replace(FORECAST, interval=None, refusal="too few"))


def test_errors_and_coverage_are_as_computed_by_hand() -> None:
    record = summarize_record([HELD, MISSED, REFUSED])
    assert record is not None
    assert record.scored == 3
    assert record.mean_error == pytest.approx((0.1 + 0.2 + 0.1) / 3)
    assert record.shadow_error == pytest.approx((0.3 + 0.3 + 0.3) / 3)
    assert record.covered == 0.5


def test_before_the_first_outcome_there_is_no_record() -> None:
    assert summarize_record([]) is None


def test_without_intervals_coverage_is_not_claimed() -> None:
    record = summarize_record([REFUSED])
    assert record is not None
    assert record.covered is None


def test_an_outcome_on_the_edge_is_held_in_spite_of_binary_fractions() -> None:
    assert replace(HELD, outcome_share=0.05 + 0.1 + 0.2).is_covered is True


def test_points_score_the_dry_run_in_the_week_that_was_announced() -> None:
    late = replace(MISSED, launched_on=date(2026, 12, 24))
    (point,) = calibration_points([late])
    assert point.group == "a group"
    assert point.week == "2026-11"  # LAUNCH_DAY is 2026-03-09
    assert point.score == conformity_score(low=0.10, high=0.30, outcome=0.40)
