"""The first week of every recent launch, day by day, as the training rows have it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from recsysops.learning.table import TrainingTable
from recsysops.model.interactions import SECONDS_PER_DAY

WEEK_DAYS = 7
KEPT_DAYS = 120
"""Launches of the last four months: what forecasts may still learn from when the model is old."""


def count_first_weeks(table: TrainingTable, *, as_of: datetime) -> dict[str, tuple[float, ...]]:
    """Return plays before a moment on days 1 to 7 of each item launched in the last KEPT_DAYS.

    Days are UTC; a launch that nobody played yet has seven zeros.
    """
    rows = table.before(as_of.timestamp()).rows
    today = as_of.astimezone(UTC).date()
    launched = {
        row: _midnight(item.launch_date)
        for row, item in enumerate(table.items)
        if item.launch_date is not None and 0 <= (today - item.launch_date).days <= KEPT_DAYS
    }
    opened = np.full(len(table.items), np.inf)
    opened[list(launched)] = list(launched.values())
    days = np.floor((rows.times - opened[rows.items]) / SECONDS_PER_DAY)
    counts = np.zeros((len(table.items), WEEK_DAYS))
    inside = (days >= 0) & (days < WEEK_DAYS)
    np.add.at(counts, (rows.items[inside], days[inside].astype(np.intp)), 1.0)
    return {table.items[row].item_id: tuple(counts[row].tolist()) for row in launched}


def _midnight(day: date) -> float:
    return datetime.combine(day, datetime.min.time(), UTC).timestamp()
