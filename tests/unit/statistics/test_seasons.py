"""What a reference leads one to expect of a window."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.statistics.seasons import HOURS_OF_WEEK, season_weights, week_hours

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
