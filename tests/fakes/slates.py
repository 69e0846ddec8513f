"""Slates and plays written into an in-process lake, slot by slot as a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.request_log.records import FeedbackEvent, SlimRequest
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import ItemFeatures, Surface, Window, hash_group

from tests.fakes.audited_lake import MODEL, Day, write_snapshot


@dataclass(frozen=True)
class Answer:
    """What one request was shown and played; probability: of its full record."""

    shown: Sequence[str]
    played: Sequence[str] = ()
    member: str = "p0"
    surface: Surface = "home"
    country: str | None = None
    probability: float = 1.0
    propensities: Sequence[float] = ()
    scores: Sequence[float] = ()
    hotfix_ids: Sequence[str] = ()


def write_slates(
    lake: DuckDbLake,
    window: Window,
    items: Sequence[ItemFeatures],
    answers: Sequence[Answer],
    *,
    popularity: Callable[[ItemFeatures], float] | None = None,
) -> None:
    """Write a catalogue and the answers of a window, evenly over it, with what was played."""
    day = Day(window) if popularity is None else Day(window, popularity=popularity)
    delta_id = write_snapshot(lake, day, items)
    requests = [_request(n, one, window, delta_id, len(answers)) for n, one in enumerate(answers)]
    plays = [
        _play(request, item_id)
        for request, one in zip(requests, answers, strict=True)
        for item_id in one.played
    ]
    for table, rows in (("slim_requests", requests), ("feedback", plays)):
        if rows:
            lake.write_rows(
                table,
                rows=[to_row(row) for row in rows],
                ingest_time=window.start,
                name=f"{table}-{delta_id}",
            )


def _request(number: int, answer: Answer, window: Window, delta_id: str, count: int) -> SlimRequest:
    return SlimRequest(
        request_id=f"r-{window.start:%d}-{number}",
        event_time=window.start + (window.end - window.start) * number / count,
        surface=answer.surface,
        country=answer.country,
        member=answer.member,
        member_group=hash_group(answer.member),
        member_known=True,
        model_id=MODEL,
        delta_id=delta_id,
        flag_version="",
        hotfix_ids=list(answer.hotfix_ids),
        arm="greedy",
        shown=list(answer.shown),
        scores=list(answer.scores) or [float(-place) for place in range(len(answer.shown))],
        propensities=list(answer.propensities) or [0.99] * len(answer.shown),
        eligible_count=100,
        status="ok",
        latency_ms=3.0,
        stratum="home/known/no-launch/greedy",
        inclusion_probability=answer.probability,
        full=True,
        traffic="simulated",
    )


def _play(request: SlimRequest, item_id: str) -> FeedbackEvent:
    return FeedbackEvent(
        event_id=f"e-{request.request_id}-{item_id}",
        request_id=request.request_id,
        event_time=request.event_time + timedelta(milliseconds=1),
        member=request.member,
        member_group=request.member_group,
        item_id=item_id,
        kind="play",
        value=1.0,
        traffic="simulated",
    )
