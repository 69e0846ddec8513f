"""Intervals from past errors: hand-computed quantiles, coverage, and when there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import BadInput, CouldNotJudge
from recsysops.prediction.conformal import (
    CalibrationPoint,
    calibrate,
    conformal_quantile,
    conformity_score,
    group_of,
    width_scale,
)

GROUP = group_of(release=True, crosses_upgrade=False)


def each_its_week(count: int) -> list[str]:
    return [f"w{number:03d}" for number in range(count)]


def test_of_nineteen_weekly_errors_the_eighteenth_is_the_margin() -> None:
    """ceil((19 + 1) · 0.9) = 18."""
    scores = np.arange(1.0, 20.0)[::-1]
    assert conformal_quantile(scores, each_its_week(19)) == 18.0


def test_of_nine_weekly_errors_the_largest_is_the_margin() -> None:
    assert conformal_quantile(np.arange(9.0), each_its_week(9)) == 8.0


def test_a_crowded_week_weighs_as_much_as_a_quiet_one() -> None:
    """Ten weeks: one holds 91 launches with error 5, nine hold one launch each with errors 1..9.

    Each week weighs 100/101/10 = 0.099: errors 1 to 5 of the quiet weeks and the crowded week
    reach 0.594, error 9 reaches 0.990, error 8 reaches 0.891 < 0.9. Pooled, it would be 5.
    """
    scores = [5.0] * 91 + [float(error) for error in range(1, 10)]
    weeks = ["crowded"] * 91 + each_its_week(9)
    assert conformal_quantile(scores, weeks) == 9.0


@pytest.mark.parametrize(("count", "miscoverage"), [(9, 0.1), (40, 0.1), (19, 0.05), (99, 0.2)])
def test_one_launch_a_week_gives_the_textbook_quantile(count: int, miscoverage: float) -> None:
    scores = np.random.default_rng(count).normal(size=count)
    textbook = np.sort(scores)[math.ceil(round((count + 1) * (1 - miscoverage), 9)) - 1]
    assert conformal_quantile(scores, each_its_week(count), miscoverage=miscoverage) == textbook


def test_eight_weeks_are_refused_however_many_launches() -> None:
    weeks = [f"w{number % 8}" for number in range(800)]
    with pytest.raises(CouldNotJudge, match="8 launch weeks"):
        conformal_quantile(np.zeros(800), weeks)


@given(
    st.lists(st.tuples(st.floats(-1, 50), st.integers(0, 30)), min_size=30, max_size=80),
    st.randoms(use_true_random=False),
)
def test_the_margin_is_one_of_the_errors_and_forgets_their_order(pairs: list, random) -> None:  # type: ignore[no-untyped-def, type-arg]
    def margin(ordered: list) -> float | None:  # type: ignore[type-arg]
        try:
            return conformal_quantile([s for s, _ in ordered], [str(w) for _, w in ordered])
        except CouldNotJudge:
            return None

    first = margin(pairs)
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert margin(shuffled) == first
    assert first is None or first in [score for score, _ in pairs]


def test_equal_errors_give_that_error() -> None:
    assert conformal_quantile(np.full(50, 0.25), [str(n % 12) for n in range(50)]) == 0.25


def test_ninety_percent_intervals_cover_ninety_percent_of_correlated_launches() -> None:
    """40 calibration weeks and one new week per trial; launches of a week share a shock."""
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(400):
        sizes = rng.integers(1, 8, 41)
        weeks = np.repeat(np.arange(41), sizes)
        outcome = 0.3 + 0.05 * rng.normal(size=41)[weeks] + 0.05 * rng.normal(size=len(weeks))
        scores = np.array([conformity_score(low=0.28, high=0.32, outcome=y) for y in outcome])
        old = weeks < 40
        points = [
            CalibrationPoint(GROUP, str(week), score)
            for week, score in zip(weeks[old], scores[old], strict=True)
        ]
        low, high = calibrate(points).interval(GROUP, low=0.28, share=0.3, high=0.32)
        new = outcome[~old]
        covered.append(((low <= new) & (new <= high)).mean())
    assert 0.87 <= np.mean(covered) <= 0.94


def test_a_group_is_calibrated_by_its_own_launches_only() -> None:
    other = group_of(release=False, crosses_upgrade=False)
    points = [CalibrationPoint(GROUP, str(n % 10), 3.0) for n in range(30)]
    points += [CalibrationPoint(other, str(n % 10), 0.0) for n in range(30)]
    calibration = calibrate(points)
    assert calibration.interval(other, low=0.2, share=0.2, high=0.3) == (0.2, 0.3)
    low, high = calibration.interval(GROUP, low=0.4, share=0.44, high=0.48)
    assert (low, high) == pytest.approx((0.1, 0.78))  # 3 · (0.08 + 0.02) on both sides


def test_a_group_with_few_launches_is_refused_with_the_count() -> None:
    calibration = calibrate([CalibrationPoint(GROUP, str(n), 0.0) for n in range(29)])
    with pytest.raises(CouldNotJudge, match=r"29 past launches of the group 'new release"):
        calibration.interval(GROUP, low=0.0, share=0.0, high=0.1)


def test_a_group_never_seen_is_refused() -> None:
    with pytest.raises(CouldNotJudge, match="no past launch of the group"):
        calibrate([]).interval(GROUP, low=0.0, share=0.0, high=0.1)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted), st.floats(-50, 50))
def test_intervals_are_shares_around_the_forecast(ends: list[float], margin: float) -> None:
    low, share, high = ends
    points = [CalibrationPoint(GROUP, str(n % 10), margin) for n in range(30)]
    found = calibrate(points).interval(GROUP, low=low, share=share, high=high)
    assert 0.0 <= found[0] <= share <= found[1] <= 1.0


@given(st.floats(0.001, 0.5), st.floats(0.5, 0.999), st.floats(0, 1))
def test_an_outcome_is_inside_exactly_when_its_score_is_not_positive(
    low: float, high: float, outcome: float
) -> None:
    score = conformity_score(low=low, high=high, outcome=outcome)
    assert (score <= 0.0) == (low <= outcome <= high)


def test_an_end_at_zero_cannot_be_passed() -> None:
    """Else every share of 0 would lie on the edge: score 0 instead of well inside."""
    inside = conformity_score(low=0.0, high=0.2, outcome=0.0)
    assert inside == pytest.approx(-0.2 / width_scale(0.0, 0.2))
    assert conformity_score(low=0.1, high=0.2, outcome=0.1) == 0.0


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.3, 0.2, 0.25), (math.nan, 0.2, 0.1), (0.1, 0.2, math.inf)],
)
def test_nonsense_is_no_interval(low: float, high: float, outcome: float) -> None:
    with pytest.raises(BadInput, match="no interval"):
        conformity_score(low=low, high=high, outcome=outcome)
