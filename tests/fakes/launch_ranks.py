"""Ranks of launches as `rank_launches` writes them, with the percentiles that a test wants."""

from __future__ import annotations

from datetime import datetime, timedelta

from recsysops.request_log.job_records import LaunchRankRow
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import hash_group


def launch_rank(
    number: int, moment: datetime, *, age: int, percentile: float, source: str | None = None
) -> dict[str, object]:
    """One launch on one day; every second one is supplier-2's unless said otherwise."""
    item_id = f"i-{number:04d}"
    return to_row(
        LaunchRankRow(
            event_time=moment,
            item_id=item_id,
            item_group=hash_group(item_id),
            source=source or f"supplier-{1 + number % 2}",
            language=None,
            launch_date=(moment - timedelta(days=age)).date().isoformat(),
            age_days=age,
            requests=200,
            rank_percentile=min(max(percentile, 0.0), 1.0),
        )
    )
