"""How many calls of DynamoDB a hundred events cost: members, not events, are what is paid for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from recsysops.adapters.dynamodb_events import DynamoRecordedEvents
from recsysops.adapters.dynamodb_members import DynamoMembers
from recsysops.adapters.memory import MemoryDurableLog
from recsysops.serving.api import FeedbackRequest
from recsysops.vocabulary import Member
from recsysops.workflows.record_feedback import record_feedback

from tests.fakes.counted_dynamodb import CountedDynamo
from tests.fakes.served_world import NOW


def calls_of(kind: str, *, members: int, known: bool = True) -> Mapping[str, int]:
    client = CountedDynamo()
    store = DynamoMembers(client, "members")
    if known:
        store.put_many(Member(f"m{n}", {}, (), f"salt-{n}") for n in range(members))
    client.calls.clear()
    events = [
        {"event_id": f"e{n}", "member_id": f"m{n % members}", "item_id": f"i{n}", "kind": kind}
        for n in range(100)
    ]
    answer = record_feedback(
        FeedbackRequest.model_validate({"events": events}),
        members=store,
        recorded=DynamoRecordedEvents(client, "events"),
        log=MemoryDurableLog(),
        accept_retimed=False,
        now=NOW,
    )
    assert {event.status for event in answer.events} == {"accepted"}
    return dict(client.calls)


@pytest.mark.parametrize(
    ("kind", "members", "known", "expected"),
    [
        ("impression", 100, True, {"batch_get_item": 2, "batch_write_item": 4}),
        ("play", 1, True, {"batch_get_item": 3, "update_item": 1, "batch_write_item": 1}),
        ("play", 100, True, {"batch_get_item": 3, "update_item": 100, "batch_write_item": 4}),
        ("play", 10, False, {"batch_get_item": 3, "update_item": 20, "batch_write_item": 1}),
    ],
)
def test_a_hundred_events_cost_one_write_per_member_whose_seen_items_grow(
    kind: str, members: int, known: bool, expected: dict[str, int]
) -> None:
    assert calls_of(kind, members=members, known=known) == expected
