"""What a hundred events of feedback wait for DynamoDB: in batches, and one row after another.

DynamoDB is in memory and every call takes 3 ms, so what is compared is how calls are made.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter

from recsysops.adapters.dynamodb_events import DynamoRecordedEvents
from recsysops.adapters.dynamodb_members import DynamoMembers
from recsysops.adapters.memory import MemoryDurableLog
from recsysops.ports import AddedSeen
from recsysops.serving.api import FeedbackRequest
from recsysops.vocabulary import Member
from recsysops.workflows.record_feedback import record_feedback

from tests.benchmarks.rows import Row
from tests.fakes.counted_dynamodb import CountedDynamo
from tests.fakes.served_world import NOW

EVENTS = 100
CALL_SECONDS = 0.003


class OneByOne(DynamoMembers):
    """How feedback met its members before: each read for its salt, read again, then written."""

    def add_seen_many(self, seen: dict[str, list[str]]) -> AddedSeen:  # type: ignore[override]
        salts: dict[str, str] = {}
        for member_id, item_ids in seen.items():
            known = None if item_ids else self.get(member_id)
            salts[member_id] = known.salt if known else self.add_seen(member_id, item_ids)
        return AddedSeen(salts, {})


def measure_feedback(*, repetitions: int) -> list[Row]:
    """Time 100 plays of 100 known members both ways, in turn."""
    ways: dict[str, Callable[[CountedDynamo], DynamoMembers]] = {
        "in batches": lambda client: DynamoMembers(client, "members"),
        "one row after another": lambda client: OneByOne(client, "members"),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    calls: dict[str, int] = {}
    for _ in range(repetitions):
        for way, make in ways.items():
            client = CountedDynamo(delay_seconds=CALL_SECONDS)
            taken[way].append(_send(client, make(client)))
            calls[way] = client.calls.total()
    batched, single = (1_000.0 * median(taken[way]) for way in ways)
    return [
        *(
            Row(f"{EVENTS} plays of {EVENTS} members, 3 ms a call, {way}",
                1_000.0 * median(taken[way]), "ms", low=1_000.0 * min(taken[way]),
                high=1_000.0 * max(taken[way]), note=f"{calls[way]} calls of DynamoDB")
            for way in ways
        ),
        Row("feedback in batches against one row after another", single / batched, "×",
            at_least=4.0),
    ]  # fmt: skip


def _send(client: CountedDynamo, members: DynamoMembers) -> float:
    members.put_many(Member(f"m{n}", {}, ("i0",), f"salt-{n}") for n in range(EVENTS))
    client.calls.clear()
    events = [
        {"event_id": f"e{n}", "member_id": f"m{n}", "item_id": f"p{n}", "kind": "play"}
        for n in range(EVENTS)
    ]
    request = FeedbackRequest.model_validate({"events": events})
    started = perf_counter()
    record_feedback(
        request,
        members=members,
        recorded=DynamoRecordedEvents(client, "events"),
        log=MemoryDurableLog(),
        accept_retimed=False,
        now=NOW,
    )
    return perf_counter() - started
