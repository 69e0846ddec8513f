"""Traffic held against its hour of the day or week, on counts made by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from recsysops.errors import CouldNotJudge

from tests.unit.detection.distributions import DAY, START, alarms, context, judged, rows

Rows = Sequence[Mapping[str, object]]
FIRST = int((START - datetime(1970, 1, 5, tzinfo=UTC)) / (DAY / 24))
SUNDAY, MONDAY = range(FIRST - 24, FIRST), range(FIRST, FIRST + 24)
"""Hours of the reference and of the window, counted from a Monday on."""


def hourly(before: float, now: Mapping[int, float] | float, **where: str) -> Rows:
    """A Sunday of `before` requests an hour, then a Monday; `now` by hour, or of each."""
    hours = now if isinstance(now, Mapping) else dict.fromkeys(MONDAY, now)
    counts = {str(hour): (before, 0.0) for hour in SUNDAY} | {
        str(hour): (0.0, hours[hour]) for hour in MONDAY
    }
    name = "=".join(next(iter(where.items()))) if where else "all"
    return rows(counts, subject="requests", slice_name=name)


def test_lost_traffic_is_seen_over_the_day_and_a_quiet_day_is_not() -> None:
    found = alarms("volume", hourly(50.0, 20.0))
    assert (found[0].slice, found[0].subject) == ({}, "requests")
    assert (found[0].baseline, found[0].observed) == pytest.approx((1_200.0, 480.0))
    assert found[0].evidence["expected_from"] == "hour of day of the reference"
    assert not alarms("volume", hourly(50.0, 52.0))


def test_one_dead_hour_is_named() -> None:
    [found] = alarms("volume", hourly(50.0, {**dict.fromkeys(MONDAY, 50.0), FIRST + 7: 0.0}))
    assert (found.slice, found.nested) == ({"hour": "Monday 07:00"}, True)


def test_no_requests_at_all_are_lost_traffic_not_an_empty_answer() -> None:
    assert alarms("volume", hourly(50.0, 0.0))[0].observed == 0.0


def test_a_weekend_is_held_against_the_last_weekend_not_against_friday() -> None:
    week = context(reference_start=START - 7 * DAY)
    before = {str(FIRST - 168 + h): (50.0 if h < 120 else 150.0, 0.0) for h in range(168)}
    monday = rows({**before, **{str(h): (0.0, 50.0) for h in MONDAY}}, subject="requests")
    assert not alarms("volume", monday, week)
    [found] = [
        check
        for check in judged("volume", monday, week)
        if check.metric == "requests" and not check.nested
    ]
    assert found.baseline == pytest.approx(1_200.0)
    assert found.evidence["expected_from"] == "hour of week of the reference"


def test_a_country_that_went_missing_is_named_instead_of_the_whole_that_it_moves() -> None:
    answer = [
        *hourly(100.0, 60.0),
        *hourly(40.0, 0.0, country="FR"),
        *hourly(60.0, 60.0, country="DE"),
        *hourly(100.0, 60.0, surface="home"),
    ]
    found = alarms("day_volume", answer)
    assert (found[0].metric, found[0].slice) == (
        "request_share",
        {"country": "FR"},
    )
    assert all(check.metric == "request_share" for check in found)


def test_a_country_without_a_past_is_left_to_the_schema() -> None:
    answer = [*hourly(100.0, 100.0), *hourly(0.0, 30.0, country="ZZ")]
    assert not alarms("day_volume", answer)


def test_growth_everywhere_is_told_once_and_of_no_slice() -> None:
    answer = [
        *hourly(100.0, 200.0),
        *hourly(40.0, 80.0, country="FR"),
        *hourly(60.0, 120.0, country="DE"),
    ]
    assert {(c.metric, tuple(c.slice)) for c in alarms("volume", answer)} == {("requests", ())}


def test_a_window_of_one_hour_is_held_against_its_hour() -> None:
    hour = DAY / 24
    asked = context(window_end=START + hour, reference_start=START - 7 * DAY)
    before = {str(FIRST - 168 + h): (400.0 if h == 0 else 900.0, 0.0) for h in range(168)}
    quiet = rows({**before, str(FIRST): (0.0, 390.0)}, subject="requests")
    assert not alarms("volume", quiet, asked)
    lost = rows({**before, str(FIRST): (0.0, 100.0)}, subject="requests")
    [found] = alarms("volume", lost, asked)
    assert (found.baseline, found.observed) == pytest.approx((400.0, 100.0))


def four_weeks(levels: Sequence[float], now: float, **where: str) -> Rows:
    """Weeks of `levels` requests an hour, then a Monday of `now`."""
    counts = {
        str(FIRST - 168 * (len(levels) - week) + hour): (level, 0.0)
        for week, level in enumerate(levels)
        for hour in range(168)
    }
    name = "=".join(next(iter(where.items()))) if where else "all"
    counts |= {str(hour): (0.0, now) for hour in MONDAY}
    return rows(counts, subject="requests", slice_name=name)


@pytest.mark.parametrize("wild", [0.0, 5.0, 4_000.0])
@pytest.mark.parametrize("place", range(4))
def test_one_wild_week_in_four_moves_no_expectation(wild: float, place: int) -> None:
    asked = context(reference_start=START - 28 * DAY)
    levels = [400.0] * 4
    levels[place] = wild
    [whole, *_] = judged("day_volume", four_weeks(levels, 400.0), asked)
    assert whole.baseline == pytest.approx(24 * 400.0)
    assert whole.evidence["expected_from"].endswith(", median of 4 weeks")  # type: ignore[attr-defined]
    assert alarms("day_volume", four_weeks(levels, 200.0), asked)


def test_a_country_that_was_away_for_a_week_is_still_expected() -> None:
    asked = context(reference_start=START - 28 * DAY)
    quiet = [
        *four_weeks([400.0, 400.0, 300.0, 400.0], 400.0),
        *four_weeks([100.0, 100.0, 0.0, 100.0], 100.0, country="FR"),
    ]
    away = [
        *four_weeks([400.0, 400.0, 300.0, 400.0], 300.0),
        *four_weeks([100.0, 100.0, 0.0, 100.0], 0.0, country="FR"),
    ]
    assert not alarms("day_volume", quiet, asked)
    assert alarms("day_volume", away, asked)[0].slice == {"country": "FR"}


def test_two_weeks_are_averaged_and_say_so() -> None:
    asked = context(reference_start=START - 14 * DAY)
    [whole, *_] = judged("day_volume", four_weeks([300.0, 500.0], 400.0), asked)
    assert whole.baseline == pytest.approx(24 * 400.0)
    assert whole.evidence["expected_from"].endswith(", mean of 2 weeks")  # type: ignore[attr-defined]


def test_without_a_reference_volume_cannot_be_judged() -> None:
    with pytest.raises(CouldNotJudge, match="reference has no requests"):
        judged("volume", hourly(0.0, 50.0))
