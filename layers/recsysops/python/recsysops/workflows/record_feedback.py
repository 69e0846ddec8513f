"""Takes in what members did: durable first, then remembered as seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from recsysops.errors import BadData, ConflictError, DependencyError
from recsysops.ports import DurableLog, MemberStore
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.request_log.records import SCHEMA_VERSION, FeedbackEvent
from recsysops.request_log.schema import encode_record
from recsysops.serving.api import (
    EventStatus,
    FeedbackItem,
    FeedbackRequest,
    FeedbackResponse,
    RejectReason,
    truncate_milliseconds,
)
from recsysops.vocabulary import hash_group

SEEN_KINDS = ("play", "rating")
"""What makes an item seen; an impression or a click does not."""

CLOCK_TOLERANCE = timedelta(minutes=5)


def record_feedback(
    request: FeedbackRequest,
    *,
    members: MemberStore,
    log: DurableLog,
    accept_retimed: bool,
    now: datetime,
) -> FeedbackResponse:
    """Store the events that can be accepted and say of every one what became of it.

    Returns only after each accepted event is durable and the seen lists are updated. A caller
    who is told of a failure sends the same events again: their ids are counted once.

    Raises: DependencyError when an event could not be made durable or a member not be read.
    """
    reasons = _judge_events(request.events, accept_retimed=accept_retimed, now=now)
    accepted = [
        event for event, reason in zip(request.events, reasons, strict=True) if reason is None
    ]
    if accepted:
        salts = {event.member_id: _salt_of(event.member_id, members) for event in accepted}
        lines = [encode_record(_to_record(e, salt=salts[e.member_id], now=now)) for e in accepted]
        log.append("feedback", lines)
        _remember_seen(accepted, members)
    statuses = (
        EventStatus(
            event_id=event.event_id, status="rejected" if reason else "accepted", reason=reason
        )
        for event, reason in zip(request.events, reasons, strict=True)
    )
    return FeedbackResponse(events=tuple(statuses))


def _judge_events(
    events: Sequence[FeedbackItem], *, accept_retimed: bool, now: datetime
) -> list[RejectReason | None]:
    met: set[str] = set()
    reasons: list[RejectReason | None] = []
    for event in events:
        repeated = event.event_id in met
        met.add(event.event_id)
        judged = _judge_event(event, accept_retimed=accept_retimed, now=now)
        reasons.append("duplicate_event" if repeated else judged)
    return reasons


def _judge_event(
    event: FeedbackItem, *, accept_retimed: bool, now: datetime
) -> RejectReason | None:
    if event.event_time is not None and not accept_retimed:
        return "retimed_not_accepted"
    if event.event_time is not None and event.event_time > now + CLOCK_TOLERANCE:
        return "event_time_in_future"
    if event.kind == "rating" and event.value is None:
        return "rating_without_value"
    return None


def _salt_of(member_id: str, members: MemberStore) -> str:
    """Return the salt of a member's pseudonym; a new member, or a row without one, gets one."""
    try:
        member = members.get(member_id)
    except BadData:
        member = None
    if member is not None:
        return member.salt
    return _add_seen(member_id, (), members)


def _add_seen(member_id: str, item_ids: Sequence[str], members: MemberStore) -> str:
    """Add seen items; what fails is for the caller to send again, never a fault of the body."""
    try:
        return members.add_seen(member_id, item_ids)
    except (BadData, ConflictError) as error:
        raise DependencyError(f"a member's row cannot be written: {error}") from error


def _to_record(event: FeedbackItem, *, salt: str, now: datetime) -> FeedbackEvent:
    member = pseudonym_of(event.member_id, salt=salt)
    return FeedbackEvent(
        schema_version=SCHEMA_VERSION,
        event_id=event.event_id,
        request_id=event.request_id,
        event_time=truncate_milliseconds(event.event_time or now),
        member=member,
        member_group=hash_group(member),
        item_id=event.item_id,
        kind=event.kind,
        value=1.0 if event.value is None else event.value,
        traffic="live" if event.event_time is None else "re-timed",
    )


def _remember_seen(events: Sequence[FeedbackItem], members: MemberStore) -> None:
    seen: dict[str, list[str]] = {}
    for event in events:
        if event.kind in SEEN_KINDS:
            seen.setdefault(event.member_id, []).append(event.item_id)
    for member_id, item_ids in seen.items():
        _add_seen(member_id, item_ids, members)
