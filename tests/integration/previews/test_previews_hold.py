"""Previews against simulated worlds whose truth is known, on seeds that tuned nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from recsysops.vocabulary import SamplingPlan
from recsysops.workflows.check_previews import (
    CHECK_SEEDS,
    TUNING_SEEDS,
    PreviewScore,
    check_previews,
)

FEW_SEEDS = range(4000, 4006)


def assert_previews_hold(scores: Sequence[PreviewScore]) -> None:
    assert len(scores) == 5
    often = [score for score in scores if score.judged >= 0.8]
    assert len(often) >= 3
    for score in often:
        assert score.covered >= 0.8, score
        assert score.difference_covered >= 0.8, score


def test_on_new_seeds_three_hotfixes_are_judged_and_their_intervals_hold() -> None:
    assert not set(FEW_SEEDS) & set(TUNING_SEEDS)
    assert_previews_hold(check_previews(FEW_SEEDS))


@pytest.mark.slow
def test_on_fifty_new_seeds_three_hotfixes_are_judged_and_their_intervals_hold() -> None:
    assert len(CHECK_SEEDS) == 50
    assert not set(CHECK_SEEDS) & set(TUNING_SEEDS)
    assert_previews_hold(check_previews(CHECK_SEEDS))


def test_with_exploration_switched_off_the_same_previews_refuse() -> None:
    for score in check_previews(FEW_SEEDS[:3], plan=SamplingPlan(explore_rate=0.0)):
        assert score.judged == 0.0
        assert score.refusals == ("could not judge, because no request of the window explored",)


def test_with_a_tenth_of_the_traffic_most_previews_refuse_rather_than_guess() -> None:
    scores = check_previews(FEW_SEEDS[:3], requests=1_600)
    assert sum(score.judged == 0.0 for score in scores) >= 4
