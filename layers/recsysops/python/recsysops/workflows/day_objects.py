"""Rows that jobs derive from the log, by whole UTC days: one lake object per table and day.

A day's object has one name, whatever window asked for it and whenever: a repeat, or a window
that overlaps another, replaces it, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from recsysops.ports import LakeWriter
from recsysops.request_log.job_records import ChoiceRank, LaunchRankRow, ReplayedRequestRow
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import Window

_DayRow = ChoiceRank | LaunchRankRow | ReplayedRequestRow


def day_of(moment: datetime) -> datetime:
    """Return the first moment of the UTC day of a moment."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def cover_days(window: Window) -> Window:
    """Return the shortest window of whole UTC days around a window."""
    first = day_of(window.start)
    last = day_of(window.end - timedelta(microseconds=1))
    return Window(first, max(first, last) + timedelta(days=1))


def write_days(
    table: str, rows: Sequence[_DayRow], *, lake: LakeWriter, name: str
) -> tuple[str, ...]:
    """Write the rows of each day as the object `name`-YYYYMMDD; return the keys, oldest first.

    The day of the rows, not the clock, dates the object: so a repeat lands on the same key.

    Raises: DependencyError; BadData when a row holds NaN or infinity.
    """

    def day(row: _DayRow) -> datetime:
        return day_of(row.event_time)

    return tuple(
        lake.write_rows(
            table,
            rows=[to_row(row) for row in of_day],
            ingest_time=midnight,
            name=f"{name}-{midnight:%Y%m%d}",
        )
        for midnight, of_day in groupby(sorted(rows, key=day), key=day)
    )
