"""What jobs share that rank logged requests once more: the columns they read, their report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from recsysops.request_log.records import LogRecord
from recsysops.vocabulary import Surface, Traffic

_KEPT_REASONS = 5


class LoggedRequest(LogRecord):
    """The columns of a full record that ranking it again needs."""

    request_id: str
    event_time: datetime
    surface: Surface
    member: str
    member_group: int
    member_known: bool
    member_vector: str | None
    limit: int
    candidates: list[str]
    excluded: list[str]
    model_id: str
    delta_id: str
    flag_version: str
    hotfix_ids: list[str]
    explore_rate: float
    explore_first_rank: int | None = None
    filters: str | None = None
    session_items: list[str] = Field(default_factory=list)
    surface_plan: str | None = None
    inclusion_probability: float
    traffic: Traffic
    country: str | None = None


@dataclass(frozen=True, slots=True)
class RankReport:
    """What was written: rows and lake objects; and what could not be ranked, with reasons."""

    ranked_count: int
    refused_count: int
    refusals: tuple[str, ...]
    keys: tuple[str, ...]


def report_ranked(
    rows: Sequence[object], refusals: Sequence[str], keys: tuple[str, ...]
) -> RankReport:
    """Return the report of a job, with the first few distinct refusals."""
    distinct = tuple(dict.fromkeys(refusals))[:_KEPT_REASONS]
    return RankReport(len(rows), len(refusals), distinct, keys)
