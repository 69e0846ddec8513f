"""A day's searches for similar items in a lake, so many of them without an item or failed."""

from __future__ import annotations

from datetime import timedelta

from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.request_log.records import SimilarLine
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import Window

from tests.fakes.audited_lake import MODEL

SEARCHES = 400


def write_searches(lake: DuckDbLake, window: Window, *, empty: int = 0, failed: int = 0) -> None:
    """Write 400 searches over a day; the first find nothing, the last fail."""
    lines = [
        _search(window, number, empty=number < empty, failed=number >= SEARCHES - failed)
        for number in range(SEARCHES)
    ]
    name = f"similar-{window.start:%d}"
    rows = [to_row(line) for line in lines]
    lake.write_rows("similar_requests", rows=rows, ingest_time=window.start, name=name)


def _search(window: Window, number: int, *, empty: bool, failed: bool) -> SimilarLine:
    shown = [] if empty else ["i-00002"]
    return SimilarLine.model_validate(
        {
            "request_id": f"s-{window.start:%d}-{number}",
            "event_time": window.start + timedelta(minutes=3 * number + 1),
            "surface": "item",
            "query": "item",
            "seed_item": "i-00001",
            "limit": 10,
            "excluded_count": 0,
            "model_id": MODEL,
            "delta_id": "d-1",
            "flag_version": "f-1",
            "hotfix_ids": [],
            "shown": shown,
            "similarities": [0.5] * len(shown),
            "propensities": [1.0] * len(shown),
            "status": "fallback" if failed else "ok",
            "latency_ms": 3.0,
            "traffic": "simulated",
        }
    )
