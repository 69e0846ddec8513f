"""What a reference leads one to expect of a window."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recsysops.statistics.seasons import (
    HOURS_OF_WEEK,
    hours_by_week,
    season_weights,
    typical_week,
    week_dispersion,
    week_hours,
)

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


@given(start=st.integers(0, 10_000), minutes=st.integers(1, 60_000))
def test_the_hours_of_the_week_add_up_to_the_length(start: int, minutes: int) -> None:
    begin = MONDAY + timedelta(minutes=start)
    hours = week_hours(begin, begin + timedelta(minutes=minutes))
    assert hours.sum() == pytest.approx(minutes / 60)


def test_zones_do_not_matter_and_an_empty_stretch_has_no_hours() -> None:
    local = datetime.fromisoformat("2026-03-02T02:00:00+02:00")
    assert week_hours(local, local + HOUR)[0] == 1.0
    assert week_hours(MONDAY, MONDAY).sum() == 0.0


def test_two_weeks_expect_the_mean_of_the_same_hours() -> None:
    observed = week_hours(MONDAY - timedelta(weeks=2), MONDAY)
    asked = week_hours(MONDAY + 7 * HOUR, MONDAY + 8 * HOUR)
    weights, profile = season_weights(observed, asked)
    counts = np.arange(HOURS_OF_WEEK, dtype=np.float64)
    assert weights @ counts == pytest.approx(7 / 2)
    assert profile == "hour of week"


def test_yesterday_stands_in_for_a_week_by_the_hour_of_the_day() -> None:
    observed = week_hours(MONDAY - timedelta(days=1), MONDAY)
    asked = week_hours(MONDAY, MONDAY + 2 * HOUR)
    weights, profile = season_weights(observed, asked)
    assert np.flatnonzero(weights).tolist() == [144, 145]
    assert profile == "hour of day"


def test_hours_that_nobody_ever_saw_take_the_mean() -> None:
    observed = week_hours(MONDAY, MONDAY + 4 * HOUR)
    weights, profile = season_weights(observed, week_hours(MONDAY + 9 * HOUR, MONDAY + 10 * HOUR))
    assert weights[:4].tolist() == [0.25] * 4
    assert profile == "mean"


def test_without_a_reference_nothing_is_expected() -> None:
    weights, _ = season_weights(np.zeros(HOURS_OF_WEEK), np.ones(HOURS_OF_WEEK))
    assert not weights.any()


COUNTS = arrays(np.float64, (4, 3), elements=st.integers(0, 500))


@given(counts=COUNTS, wild=st.integers(0, 10**6), place=st.integers(0, 3))
def test_one_wild_week_in_four_stays_between_the_others(
    counts: np.ndarray, wild: int, place: int
) -> None:
    weeks = np.zeros((4, HOURS_OF_WEEK, 3))
    weeks[:, 7] = counts
    weeks[place, 7] = wild
    typical, observed = typical_week(weeks, np.ones((4, HOURS_OF_WEEK)))
    expected = typical[7].sum() / observed[7]
    others = np.delete(counts.sum(axis=1), place)
    assert observed[7] == 2.0
    assert others.min() <= expected <= others.max()


@given(counts=COUNTS)
def test_the_typical_week_is_the_median_of_the_weeks(counts: np.ndarray) -> None:
    for weeks in (3, 4):
        some = np.zeros((weeks, HOURS_OF_WEEK, 3))
        some[:, 9] = counts[:weeks]
        typical, observed = typical_week(some, np.ones((weeks, HOURS_OF_WEEK)))
        median = np.median(counts[:weeks].sum(axis=1))
        assert typical[9].sum() / observed[9] == pytest.approx(median)


def test_hours_with_fewer_than_three_whole_looks_are_averaged() -> None:
    counts = np.ones((3, HOURS_OF_WEEK, 1)) * np.array([1.0, 2.0, 30.0])[:, None, None]
    seen = np.ones((3, HOURS_OF_WEEK))
    seen[2, 5] = 0.5
    typical, observed = typical_week(counts, seen)
    assert (typical[4, 0], observed[4]) == (2.0, 1.0)
    assert (typical[5, 0], observed[5]) == (33.0, 2.5)


def test_weeks_are_told_apart_and_add_up_to_the_hours_of_the_week() -> None:
    start, end = MONDAY - timedelta(days=10, hours=3), MONDAY + 5 * HOUR
    first, seen = hours_by_week(start, end)
    assert seen.shape == (3, HOURS_OF_WEEK)
    assert seen.sum(axis=0) == pytest.approx(week_hours(start, end))
    assert hours_by_week(MONDAY, MONDAY + HOUR)[0] == first + 2


def test_the_spread_between_weeks_is_poissons_where_hours_are_poisson() -> None:
    rng = np.random.default_rng(5)
    seen = np.ones((4, HOURS_OF_WEEK))
    levels = np.array([1.0, 1.15, 1.3, 8.0])[:, None]
    poisson = rng.poisson(400.0 * levels * np.ones((4, HOURS_OF_WEEK))).astype(float)
    assert week_dispersion(poisson, seen) == pytest.approx(1.0, abs=0.35)
    bursty = rng.normal(400.0, 5.0 * np.sqrt(400.0), (4, HOURS_OF_WEEK))
    assert week_dispersion(bursty, seen) == pytest.approx(25.0, rel=0.3)
    assert week_dispersion(bursty[:2], seen[:2]) == 1.0
    assert week_dispersion(np.zeros((4, HOURS_OF_WEEK)), seen) == 1.0
