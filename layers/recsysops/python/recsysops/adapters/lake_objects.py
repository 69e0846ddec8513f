"""How a batch job's result rows become one object of the lake, whoever stores it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from recsysops.errors import BadData
from recsysops.ports import Row


def lake_key(table: str, *, ingest_time: datetime, name: str) -> str:
    """Return `<table>/dt=<UTC day of ingest>/<name>.json.gz`.

    >>> lake_key("choice_ranks", ingest_time=datetime(2026, 1, 2, tzinfo=UTC), name="w")
    'choice_ranks/dt=2026-01-02/w.json.gz'
    """
    return f"{table}/dt={ingest_time.astimezone(UTC):%Y-%m-%d}/{name}.json.gz"


def encode_rows(rows: Sequence[Row]) -> bytes:
    """Return gzip JSON lines; the same rows give the same bytes. Raises: BadData."""
    try:
        lines = [json.dumps(dict(row), separators=(",", ":"), allow_nan=False) for row in rows]
    except (TypeError, ValueError) as error:
        raise BadData(f"a row cannot be written to the lake: {error}") from error
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), compresslevel=6, mtime=0)
