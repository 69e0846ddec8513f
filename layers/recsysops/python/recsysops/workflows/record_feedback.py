"""Takes in what members did: durable first, then remembered as seen."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta

from recsysops.errors import BadData, DependencyError
from recsysops.ports import AddedSeen, DurableLog, MemberStore, RecordedEvents
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

    Returns only after each accepted event is durable and the seen lists are updated. What is told
    to have failed, the whole call or single events, is sent again by the caller.

    An event that was answered `accepted` is not stored again while it is among its member's
    newest 500 of the last 14 days. Calls that run at once, or one that died half-way, may store
    an event twice all the same: whoever counts events counts distinct event ids.

    Raises: DependencyError when events could not be made durable, or none of them be kept.
    """
    reasons = _judge_events(request.events, accept_retimed=accept_retimed, now=now)
    judged = list(zip(request.events, reasons, strict=True))
    good = [event for event, reason in judged if reason is None]
    earlier = _recall(good, recorded)
    fresh = [event for event in good if event.event_id not in earlier.get(event.member_id, ())]
    kept = _keep(fresh, earlier, members=members, recorded=recorded, log=log, now=now)
    ids = {"fresh": _ids(fresh), "kept": _ids(kept)}
    return FeedbackResponse(
        events=tuple(_say_status(event, reason, **ids) for event, reason in judged)
    )


def _ids(events: Sequence[FeedbackItem]) -> frozenset[str]:
    return frozenset(event.event_id for event in events)


def _keep(
    fresh: Sequence[FeedbackItem],
    earlier: Mapping[str, Sequence[str]],
    *,
    members: MemberStore,
    recorded: RecordedEvents,
    log: DurableLog,
    now: datetime,
) -> list[FeedbackItem]:
    """Make events durable, then remember them; returns those of which all of it is done.

    Raises: DependencyError when there are events and none could be kept.
    """
    if not fresh:
        return []
    known = members.add_seen_many({event.member_id: () for event in fresh})
    named = [event for event in fresh if event.member_id in known.salts]
    _require_some(named, known)
    salts = known.salts
    lines = [encode_record(_to_record(e, salt=salts[e.member_id], now=now)) for e in named]
    log.append("feedback", lines)
    seen = members.add_seen_many(_newly_seen(named))
    kept = [e for e in named if e.kind not in SEEN_KINDS or e.member_id not in seen.failed]
    _require_some(kept, seen)
    _remember_recorded(kept, earlier, recorded)
    return kept


def _require_some(events: Sequence[FeedbackItem], added: AddedSeen) -> None:
    """What fails is for the caller to send again, never a fault of the body."""
    if not events:
        error = next(iter(added.failed.values()))
        raise DependencyError(f"members' rows cannot be written: {error}") from error


def _say_status(
    event: FeedbackItem,
    reason: RejectReason | None,
    *,
    fresh: Container[str],
    kept: Container[str],
) -> EventStatus:
    if reason is not None:
        return EventStatus(event_id=event.event_id, status="rejected", reason=reason)
    if event.event_id in kept:
        return EventStatus(event_id=event.event_id, status="accepted")
    if event.event_id in fresh:
        return EventStatus(event_id=event.event_id, status="failed", reason="not_kept")
    return EventStatus(event_id=event.event_id, status="accepted", reason="already_recorded")


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


def _newly_seen(events: Sequence[FeedbackItem]) -> dict[str, list[str]]:
    seen: dict[str, list[str]] = {}
    for event in events:
        if event.kind in SEEN_KINDS:
            seen.setdefault(event.member_id, []).append(event.item_id)
    return seen
