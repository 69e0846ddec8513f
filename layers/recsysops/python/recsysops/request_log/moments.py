"""Knows how the lake writes a moment: UTC, to the millisecond, as Hive and Athena read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainSerializer


def sql_timestamp(moment: datetime) -> str:
    """Return the literal text of a UTC moment as the tables hold it.

    >>> sql_timestamp(datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC))
    '2026-01-02 03:04:05.678'
    """
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # every record holds one: this takes half the time of isoformat(), which formats the zone too
    return "%04d-%02d-%02d %02d:%02d:%02d.%03d" % (  # noqa: UP031  f"{…:02d}" is slower
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond // 1000,
    )  # fmt: skip


LakeMoment = Annotated[
    datetime, PlainSerializer(sql_timestamp, return_type=str, when_used="json-unless-none")
]
"""A datetime field of a log record."""
