from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from recsysops.adapters.memory import MemoryLake
from recsysops.request_log.job_records import LaunchRankRow
from recsysops.vocabulary import Window
from recsysops.workflows.day_objects import cover_days, day_of, write_days


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [("02T11:00", "02T13:00", 1), ("02T00:00", "03T00:00", 1), ("02T23:59", "03T00:01", 2),
     ("02T00:00", "02T00:00", 1)],
)  # fmt: skip
def test_a_window_is_widened_to_whole_days(start: str, end: str, days: int) -> None:
    whole = cover_days(
        Window(
            datetime.fromisoformat(f"2026-03-{start}+00:00"),
            datetime.fromisoformat(f"2026-03-{end}+00:00"),
        )
    )
    assert whole.start == datetime(2026, 3, 2, tzinfo=UTC)
    assert whole.end - whole.start == timedelta(days=days)


def test_the_day_of_a_moment_is_that_of_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert day_of(datetime(2026, 3, 2, 1, 30, tzinfo=east)) == datetime(2026, 3, 1, tzinfo=UTC)
    assert day_of(datetime(2026, 3, 2, tzinfo=UTC)) == datetime(2026, 3, 2, tzinfo=UTC)


def rank_at(moment: datetime, item_id: str) -> LaunchRankRow:
    return LaunchRankRow(
        event_time=moment, item_id=item_id, item_group=0, source="supplier-1", language=None,
        launch_date="2026-03-01", age_days=0, requests=1, rank_percentile=0.5,
    )  # fmt: skip


def test_rows_in_any_order_become_one_object_a_day_in_the_order_they_came() -> None:
    lake = MemoryLake()
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    moments = {"b": noon, "old": noon - timedelta(hours=12, milliseconds=1), "a": noon}
    rows = [rank_at(moment, item_id) for item_id, moment in moments.items()]
    keys = write_days("launch_ranks", rows, lake=lake, name="launches")
    assert keys == (
        "launch_ranks/dt=2026-03-01/launches-20260301.json.gz",
        "launch_ranks/dt=2026-03-02/launches-20260302.json.gz",
    )
    assert [row["item_id"] for row in lake.rows("launch_ranks")] == ["old", "b", "a"]
    write_days("launch_ranks", rows[:1], lake=lake, name="launches")
    assert [row["item_id"] for row in lake.rows("launch_ranks")] == ["old", "b"]


def test_no_rows_are_no_object() -> None:
    lake = MemoryLake()
    assert write_days("launch_ranks", [], lake=lake, name="launches") == ()
    assert lake.objects == {}
