from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from recsysops.errors import BadBody, BadInput
from recsysops.serving.api import (
    MAX_BODY_BYTES,
    FeedbackRequest,
    RecommendationRequest,
    parse_body,
    refuse_retimed,
)

EVENT = {"event_id": "e", "request_id": "r", "member_id": "m", "item_id": "i", "kind": "play"}


def recommend(**body: object) -> RecommendationRequest:
    return parse_body(RecommendationRequest, json.dumps({"member_id": "17", **body}))


def test_a_bare_member_id_is_a_whole_request() -> None:
    request = recommend()
    assert (request.limit, request.surface, request.candidates) == (10, "home", None)


def test_times_are_cut_to_milliseconds_in_utc() -> None:
    request = recommend(event_time="2026-01-02T03:04:05.678999+01:00")
    assert request.event_time == datetime(2026, 1, 2, 2, 4, 5, 678000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"member_id": ""}, "member_id"),
        ({"member_id": "x" * 65}, "member_id"),
        ({"member_id": "a b"}, "member_id"),
        ({"member_id": "17\n"}, "member_id"),
        ({"session_id": "s-1"}, "body"),
        ({"session_items": ["a b"]}, "session_items.0"),
        ({"session_items": [str(n) for n in range(51)]}, "session_items"),
        ({"limit": 0}, "limit"),
        ({"limit": 51}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limit": True}, "limit"),
        ({"surface": "The attic"}, "surface"),
        ({"candidates": []}, "candidates"),
        ({"candidates": ["ok", "not ok"]}, "candidates.1"),
        ({"candidates": [str(n) for n in range(1001)]}, "candidates"),
        ({"exclude": [str(n) for n in range(1001)]}, "exclude"),
        ({"context": {f"k{n}": "v" for n in range(17)}}, "context"),
        ({"context": {"device": "x" * 129}}, "context.device"),
        ({"context": {"device": 1}}, "context.device"),
        ({"event_time": "2026-01-02T03:04:05"}, "event_time"),
        ({"event_time": "9999-12-31T00:00:00Z"}, "event_time"),
        ({"invented": 1}, "invented"),
    ],
)
def test_what_breaks_a_bound_is_refused_with_its_path(body: dict[str, object], path: str) -> None:
    with pytest.raises(BadBody) as caught:
        recommend(**body)
    assert caught.value.problems[0][0] == path
    assert isinstance(caught.value, BadInput)


@pytest.mark.parametrize("body", [None, "", "{", "[]", "null", b"\xff\xfe", '{"member_id": "1"'])
def test_what_is_no_json_object_is_refused(body: str | bytes | None) -> None:
    with pytest.raises(BadBody, match="body"):
        parse_body(RecommendationRequest, body)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(BadBody) as caught:
        recommend(limit=99, surface="The attic")
    assert {path for path, _ in caught.value.problems} == {"limit", "surface"}


def test_a_path_that_the_caller_chose_is_told_in_part() -> None:
    with pytest.raises(BadBody) as caught:
        recommend(**{"k" * 10_000: 1})
    assert [path for path, _ in caught.value.problems] == ["k" * 100]


def test_a_body_too_large_is_refused_unread() -> None:
    with pytest.raises(BadBody, match="at most"):
        parse_body(RecommendationRequest, "x" * (MAX_BODY_BYTES + 1))


def test_the_largest_allowed_request_is_accepted() -> None:
    ids = [f"{number:064d}" for number in range(1000)]
    context = {f"k{number:031d}": "\u00e9" * 128 for number in range(16)}
    request = recommend(candidates=ids, exclude=ids, limit=50, context=context)
    assert len(request.candidates or ()) == 1000


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"kind": "sneeze"}, "events.0.kind"),
        ({"value": 1e7}, "events.0.value"),
        ({"event_id": "a/b"}, "events.0.event_id"),
        ({"request_id": "a b"}, "events.0.request_id"),
    ],
)
def test_a_broken_event_is_refused_with_its_place(changes: dict[str, object], path: str) -> None:
    with pytest.raises(BadBody) as caught:
        parse_body(FeedbackRequest, json.dumps({"events": [{**EVENT, **changes}]}))
    assert caught.value.problems[0][0].startswith(path)


@pytest.mark.parametrize("events", [[], [EVENT] * 101])
def test_a_batch_holds_one_to_a_hundred_events(events: list[object]) -> None:
    with pytest.raises(BadBody, match="events"):
        parse_body(FeedbackRequest, json.dumps({"events": events}))


def test_retimed_traffic_is_refused_where_only_live_traffic_is_served() -> None:
    retimed = recommend(event_time="2026-01-02T03:04:05Z")
    refuse_retimed(retimed, accept_retimed=True)
    refuse_retimed(recommend(), accept_retimed=False)
    with pytest.raises(BadBody, match="event_time"):
        refuse_retimed(retimed, accept_retimed=False)
