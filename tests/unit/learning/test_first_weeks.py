"""The first week of launches, counted from the training rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from recsysops.learning.first_weeks import KEPT_DAYS, count_first_weeks
from recsysops.learning.table import align_rows

from tests.fakes.choices import START, rows_of
from tests.fakes.served_world import make_items

AS_OF = datetime(2026, 3, 20, 6, tzinfo=UTC)
OPENED = datetime(2026, 3, 10, tzinfo=UTC)
DAY = (OPENED.timestamp() - START) / 86_400.0
FRESH, UNPLAYED, OLD, LONG_AGO = (
    replace(item, launch_date=day)
    for item, day in zip(
        make_items(4),
        (OPENED.date(), OPENED.date(), (AS_OF - timedelta(days=KEPT_DAYS + 1)).date(), None),
        strict=True,
    )
)


def test_plays_fall_on_days_one_to_seven_as_counted_by_hand() -> None:
    hours = (-1, 0, 23.9, 24, 6 * 24, 7 * 24, 9 * 24)
    rows = rows_of(
        [("m", FRESH.item_id, DAY + hour / 24) for hour in hours]
        + [("m", item.item_id, DAY) for item in (OLD, LONG_AGO)]
    )
    table = align_rows(rows, [FRESH, UNPLAYED, OLD, LONG_AGO])
    assert count_first_weeks(table, as_of=AS_OF) == {
        FRESH.item_id: (2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        UNPLAYED.item_id: (0.0,) * 7,
    }


def test_plays_from_the_moment_on_are_not_known_yet() -> None:
    rows = rows_of([("m", FRESH.item_id, DAY + hour / 24) for hour in (1, 30)])
    table = align_rows(rows, [FRESH])
    early = count_first_weeks(table, as_of=OPENED + timedelta(days=1))
    assert early == {FRESH.item_id: (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)}
    assert count_first_weeks(table, as_of=OPENED - timedelta(days=1)) == {}
