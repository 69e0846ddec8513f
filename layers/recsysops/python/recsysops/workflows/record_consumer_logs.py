"""Takes in what consumers of our scores really showed."""

from __future__ import annotations

from datetime import datetime

from recsysops.errors import BadBody
from recsysops.ports import DurableLog
from recsysops.request_log.records import SCHEMA_VERSION, ConsumerLog
from recsysops.request_log.schema import encode_record
from recsysops.serving.api import truncate_milliseconds
from recsysops.serving.consumer_api import ConsumerEntry, ConsumerLogRequest, ConsumerLogResponse


def record_consumer_logs(
    request: ConsumerLogRequest, *, log: DurableLog, accept_retimed: bool, now: datetime
) -> ConsumerLogResponse:
    """Store every entry; returns only after all are durable.

    Entries sent twice are stored twice: count distinct (consumer, request_id).

    Raises: BadBody for re-timed entries where the stage takes live traffic only;
        DependencyError when an entry could not be made durable.
    """
    if not accept_retimed:
        _refuse_retimed(request)
    lines = [encode_record(_to_record(entry, request, now)) for entry in request.entries]
    log.append("consumer_logs", lines)
    return ConsumerLogResponse(recorded=len(lines))


def _refuse_retimed(request: ConsumerLogRequest) -> None:
    retimed = [n for n, entry in enumerate(request.entries) if entry.event_time is not None]
    if retimed:
        problem = "this stage serves live traffic only; leave it out"
        raise BadBody([(f"entries.{n}.event_time", problem) for n in retimed])


def _to_record(entry: ConsumerEntry, request: ConsumerLogRequest, now: datetime) -> ConsumerLog:
    return ConsumerLog(
        schema_version=SCHEMA_VERSION,
        request_id=entry.request_id,
        event_time=truncate_milliseconds(entry.event_time or now),
        consumer=request.consumer,
        fraction=request.fraction,
        surface=entry.surface,
        shown=list(entry.shown),
        traffic="live" if entry.event_time is None else "re-timed",
    )
