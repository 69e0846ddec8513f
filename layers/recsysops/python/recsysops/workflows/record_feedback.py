"""Takes in what members did: durable first, then remembered as seen."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta

from recsysops.errors import BadData, ConflictError, DependencyError
from recsysops.ports import DurableLog, MemberStore, RecordedEvents
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
    recorded: RecordedEvents,
    log: DurableLog,
    accept_retimed: bool,
    now: datetime,
) -> FeedbackResponse:
    """Store the events that can be accepted and say of every one what became of it.

    Returns only after each accepted event is durable and the seen lists are updated. A caller
    who is told of a failure sends the same events again.

    An event that was answered `accepted` is not stored again while it is among its member's
    newest 500 of the last 14 days. Calls that run at once, or one that died half-way, may store
    an event twice all the same: whoever counts events counts distinct event ids.

    Raises: DependencyError when an event could not be made durable or a member not be read.
    """
    reasons = _judge_events(request.events, accept_retimed=accept_retimed, now=now)
    judged = list(zip(request.events, reasons, strict=True))
    good = [event for event, reason in judged if reason is None]
    earlier = _recall(good, recorded)
    fresh = [event for event in good if event.event_id not in earlier.get(event.member_id, ())]
    if fresh:
        salts = {event.member_id: _salt_of(event.member_id, members) for event in fresh}
        lines = [encode_record(_to_record(e, salt=salts[e.member_id], now=now)) for e in fresh]
        log.append("feedback", lines)
        _remember_seen(fresh, members)
        _remember_recorded(fresh, earlier, recorded)
    stored = {event.event_id for event in fresh}
    statuses = (_say_status(event, reason, stored=stored) for event, reason in judged)
    return FeedbackResponse(events=tuple(statuses))


def _say_status(
    event: FeedbackItem, reason: RejectReason | None, *, stored: Container[str]
) -> EventStatus:
    if reason is not None:
        return EventStatus(event_id=event.event_id, status="rejected", reason=reason)
    is_new = event.event_id in stored
    return EventStatus(
        event_id=event.event_id, status="accepted", reason=None if is_new else "already_recorded"
    )


def _recall(
    events: Sequence[FeedbackItem], recorded: RecordedEvents
) -> Mapping[str, Sequence[str]]:
    if not events:
        return {}
    try:
        return recorded.recall(list(dict.fromkeys(event.member_id for event in events)))
    except BadData as error:  # a garbled row is no fault of the body
        raise DependencyError(f"recorded events cannot be read: {error}") from error


def _remember_recorded(
    events: Sequence[FeedbackItem],
    earlier: Mapping[str, Sequence[str]],
    recorded: RecordedEvents,
) -> None:
    remembered = {event.member_id: [*earlier.get(event.member_id, ())] for event in events}
    for event in events:
        remembered[event.member_id].append(event.event_id)
    recorded.remember(remembered)


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
