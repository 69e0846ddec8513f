"""Which windows are due, by event time: once, once more after lateness, and never a third time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.detection.schedule import (
    LATENESS,
    LENGTHS,
    PATIENCE,
    DueWindow,
    Progress,
    find_due,
    find_late,
    find_season,
    find_watermark,
    note_run,
)
from recsysops.vocabulary import Window

NOON = datetime(2026, 3, 3, 12, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("newest", "expected_hour"),
    [
        (NOON, 12),
        (NOON - 2 * HOUR, 10),
        (NOON - 30 * HOUR, 9),  # a silent lake holds nothing back for longer than PATIENCE
        (NOON + 30 * HOUR, 12),  # a clock that is wrong brings no future
        (None, 9),
    ],
)
def test_the_watermark_follows_event_time_within_bounds(
    newest: datetime | None, expected_hour: int
) -> None:
    expected = NOON.replace(hour=expected_hour, minute=0)
    assert find_watermark(newest, now=NOON) == expected


def judge_everything(
    progress: Progress, *, watermark: datetime
) -> tuple[Progress, list[DueWindow]]:
    due = find_due(progress, watermark=watermark)
    for one in due:
        progress = note_run(
            progress,
            every=one.every,
            window=one.window,
            revision=one.revision,
            answered=[one.every],
            known=[one.every],
        )
    return progress, due


def test_the_first_run_judges_the_newest_complete_hour_and_day() -> None:
    _, due = judge_everything(Progress(), watermark=NOON.replace(minute=0))
    assert [(one.every, one.window.end.hour, one.revision) for one in due] == [
        ("hour", 12, 0),
        ("day", 0, 0),
    ]
    assert due[0].reference == Window(due[0].window.start - DAY, due[0].window.end - DAY)


def test_an_hour_is_judged_once_and_once_more_after_lateness() -> None:
    seen: list[str] = []
    progress, watermark = Progress(), NOON.replace(minute=0)
    for _ in range(80):
        progress, due = judge_everything(progress, watermark=watermark)
        seen += [one.name for one in due]
        _, again = judge_everything(progress, watermark=watermark)
        assert again == []
        watermark += HOUR
    assert len(set(seen)) == len(seen)
    first = [name for name in seen if name.endswith("r0") and name.startswith("hour")]
    second = [name for name in seen if name.endswith("r1") and name.startswith("hour")]
    assert len(first) == 80
    assert [name[:-1] for name in second] == [name[:-1] for name in first[: len(second)]]
    assert len(second) == 80 - LATENESS // HOUR
    assert sum(name.startswith("day") and name.endswith("r0") for name in seen) == 4


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_however_the_watermark_jumps_no_window_is_judged_early_or_twice(jumps: list[int]) -> None:
    progress, watermark = Progress(), NOON.replace(minute=0)
    seen: set[str] = set()
    for jump in jumps:
        watermark += jump * HOUR
        progress, due = judge_everything(progress, watermark=watermark)
        for one in due:
            assert one.window.end <= watermark - one.revision * LATENESS
            assert one.name not in seen
            seen.add(one.name)


def test_after_an_outage_only_the_newest_windows_are_caught_up() -> None:
    progress, _ = judge_everything(Progress(), watermark=NOON.replace(minute=0))
    _, due = judge_everything(progress, watermark=NOON.replace(minute=0) + 3 * DAY)
    assert [one.window.end for one in due if one.every == "hour"][-1].hour == 12
    assert sum(one.every == "hour" and one.revision == 0 for one in due) == 6
    assert sum(one.every == "day" and one.revision == 0 for one in due) == 2


def test_an_audit_is_late_only_when_it_should_have_answered_long_ago() -> None:
    window = Window(NOON - HOUR, NOON)
    progress = note_run(
        Progress(), every=None, window=window, revision=0, answered=["seen"], known=["seen", "new"]
    )
    cadences = {"seen": "hour", "new": "day"}
    grace = 2 * LENGTHS["hour"] + PATIENCE
    assert find_late(progress, cadences, at=NOON + grace) == {}  # type: ignore[arg-type]
    [(name, reason)] = find_late(progress, cadences, at=NOON + grace + HOUR).items()  # type: ignore[arg-type]
    assert name == "seen"
    assert reason == "should answer every hour; its last window ended 2026-03-03 12:20 UTC"
    late = find_late(progress, cadences, at=NOON + 3 * DAY)  # type: ignore[arg-type]
    assert set(late) == {"seen", "new"}
    assert find_late(progress, {"unheard": "hour"}, at=NOON + 3 * DAY) == {}


def test_a_season_is_whole_weeks_that_were_judged_and_are_over_lateness_too() -> None:
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    begun = Window(monday - 10 * DAY, monday - 10 * DAY + HOUR)
    progress = note_run(Progress(), every="hour", window=begun, revision=0, answered=[], known=[])
    week = Window(monday - 7 * DAY, monday)
    assert find_season(progress, before=monday + 2 * DAY) == week
    assert find_season(progress, before=monday + 6 * DAY) == week
    # Sunday's late lines may still come in
    assert find_season(progress, before=monday + timedelta(hours=23)) is None
    five_weeks_on = monday + 36 * DAY
    longest = Window(monday + 7 * DAY, monday + 35 * DAY)
    assert find_season(progress, before=five_weeks_on) == longest


def test_less_than_a_week_of_judged_hours_is_no_season() -> None:
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    begun = Window(monday - 6 * DAY, monday - 6 * DAY + HOUR)
    progress = note_run(Progress(), every="hour", window=begun, revision=0, answered=[], known=[])
    assert find_season(progress, before=monday + 2 * DAY) is None
    assert find_season(Progress(), before=monday) is None
