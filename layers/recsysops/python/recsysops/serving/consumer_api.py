"""The bodies of POST /v1/consumer-logs: what teams that use our scores really showed."""

from __future__ import annotations

from pydantic import Field

from recsysops.serving.api import MAX_EVENTS, MAX_LIMIT, EventTime, Identifier
from recsysops.serving.closed_body import ClosedBody
from recsysops.serving.surface_plan import SurfaceName


class ConsumerEntry(ClosedBody):
    """One answer of ours as a consumer showed it."""

    request_id: Identifier
    surface: SurfaceName = "home"
    shown: tuple[Identifier, ...] = Field(
        max_length=MAX_LIMIT, description="item ids really shown, best position first; may be none"
    )
    event_time: EventTime | None = Field(None, description="only where traffic may be re-timed")


class ConsumerLogRequest(ClosedBody):
    """What POST /v1/consumer-logs takes."""

    consumer: Identifier = Field(description="which team or product shows our items")
    fraction: float = Field(
        gt=0.0, le=1.0, allow_inf_nan=False, description="share of its traffic that it reports"
    )
    entries: tuple[ConsumerEntry, ...] = Field(min_length=1, max_length=MAX_EVENTS)


class ConsumerLogResponse(ClosedBody):
    """What POST /v1/consumer-logs answers once all entries are durable."""

    recorded: int
