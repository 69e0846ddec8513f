from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from recsysops.adapters.memory import MemoryDurableLog, MemoryMembers, MemoryRecordedEvents
from recsysops.errors import BadData, ConflictError, DependencyError
from recsysops.ports import LogStream
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.request_log.records import FeedbackEvent
from recsysops.request_log.schema import decode_record
from recsysops.serving.api import FeedbackRequest, FeedbackResponse
from recsysops.vocabulary import Member, hash_group
from recsysops.workflows.record_feedback import record_feedback

from tests.fakes.served_world import NOW


class Bench:
    def __init__(self, log: MemoryDurableLog | None = None) -> None:
        self.members = MemoryMembers([Member("m1", {}, ("i0",), "salt-1")])
        self.recorded = MemoryRecordedEvents()
        self.log = log or MemoryDurableLog()

    def send(self, *events: dict[str, object], accept_retimed: bool = True) -> FeedbackResponse:
        plain = {"event_id": "e1", "request_id": "r1", "member_id": "m1", "item_id": "i1"}
        request = FeedbackRequest.model_validate(
            {"events": [{**plain, "kind": "play", **event} for event in events]}
        )
        return record_feedback(
            request,
            members=self.members,
            recorded=self.recorded,
            log=self.log,
            accept_retimed=accept_retimed,
            now=NOW,
        )

    def events(self) -> list[FeedbackEvent]:
        return [decode_record(FeedbackEvent, row) for row in self.log.rows("feedback")]

    def seen(self, member_id: str = "m1") -> tuple[str, ...]:
        member = self.members.get(member_id)
        assert member is not None
        return member.seen


def test_a_play_is_logged_under_the_pseudonym_and_remembered_as_seen() -> None:
    bench = Bench()
    response = bench.send({})
    assert [(e.event_id, e.status, e.reason) for e in response.events] == [("e1", "accepted", None)]
    event = bench.events()[0]
    assert event.member == pseudonym_of("m1", salt="salt-1")
    assert event.member_group == hash_group(event.member)
    assert (event.event_time, event.value, event.traffic) == (NOW, 1.0, "live")
    assert bench.seen() == ("i0", "i1")


def told(response: FeedbackResponse) -> list[tuple[str, str | None]]:
    return [(event.status, event.reason) for event in response.events]


def test_an_event_sent_again_is_accepted_again_but_stored_once() -> None:
    bench = Bench()
    assert (
        told(bench.send({}, {"event_id": "e2", "kind": "impression"})) == [("accepted", None)] * 2
    )
    again = bench.send({}, {"event_id": "e2", "kind": "impression"}, {"event_id": "e3"})
    assert told(again) == [("accepted", "already_recorded")] * 2 + [("accepted", None)]
    assert [event.event_id for event in bench.events()] == ["e1", "e2", "e3"]


def test_one_members_event_id_does_not_stop_anothers() -> None:
    bench = Bench()
    bench.send({})
    assert told(bench.send({"member_id": "m2"})) == [("accepted", None)]


def test_the_memory_of_a_member_is_bounded_and_forgets_the_oldest_first() -> None:
    bench = Bench()
    for start in range(0, 600, 100):
        bench.send(*({"event_id": f"e{n}", "kind": "click"} for n in range(start, start + 100)))
    assert len(bench.recorded.recall(["m1"])["m1"]) == 500
    assert told(bench.send({"event_id": "e100"})) == [("accepted", "already_recorded")]
    assert told(bench.send({"event_id": "e99"})) == [("accepted", None)]


def test_an_event_that_was_not_durable_is_not_taken_for_recorded() -> None:
    class Out(MemoryDurableLog):
        def append(self, stream: LogStream, lines: Sequence[str]) -> None:
            raise DependencyError("out")

    bench = Bench(Out())
    with pytest.raises(DependencyError):
        bench.send({})
    bench.log = MemoryDurableLog()
    assert told(bench.send({})) == [("accepted", None)]


def test_a_garbled_memory_is_no_fault_of_the_body() -> None:
    class Garbled(MemoryRecordedEvents):
        def recall(self, member_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
            raise BadData("a row lacks events")

    bench = Bench()
    bench.recorded = Garbled()
    with pytest.raises(DependencyError, match="cannot be read"):
        bench.send({})
    assert told(bench.send({"kind": "rating"})) == [("rejected", "rating_without_value")]


@pytest.mark.parametrize(
    ("kind", "is_seen"), [("impression", False), ("click", False), ("play", True), ("rating", True)]
)
def test_only_plays_and_ratings_make_an_item_seen(kind: str, is_seen: bool) -> None:
    bench = Bench()
    bench.send({"kind": kind, "value": 4.0})
    assert ("i1" in bench.seen()) == is_seen
    assert bench.events()[0].value == 4.0


def test_every_event_has_its_own_answer_in_order() -> None:
    bench = Bench()
    late = (NOW + timedelta(minutes=6)).isoformat()
    response = bench.send(
        {"event_id": "good"},
        {"event_id": "good", "item_id": "i2"},
        {"event_id": "unrated", "kind": "rating"},
        {"event_id": "early", "event_time": late},
        {"event_id": "fine", "event_time": NOW.isoformat(), "item_id": "i3"},
    )
    assert [(e.status, e.reason) for e in response.events] == [
        ("accepted", None),
        ("rejected", "duplicate_event"),
        ("rejected", "rating_without_value"),
        ("rejected", "event_time_in_future"),
        ("accepted", None),
    ]
    assert [event.event_id for event in bench.events()] == ["good", "fine"]
    assert bench.seen() == ("i0", "i1", "i3")
    assert bench.events()[1].traffic == "re-timed"


def test_retimed_events_are_rejected_where_only_live_ones_count() -> None:
    bench = Bench()
    response = bench.send({"event_time": NOW.isoformat()}, accept_retimed=False)
    assert response.events[0].reason == "retimed_not_accepted"
    assert bench.events() == []
    assert bench.seen() == ("i0",)


def test_a_new_member_gets_a_salt_and_keeps_the_pseudonym() -> None:
    bench = Bench()
    bench.send({"event_id": "a", "member_id": "new"}, {"event_id": "b", "member_id": "new"})
    bench.send({"event_id": "c", "member_id": "new"})
    assert len({event.member for event in bench.events()}) == 1
    assert bench.seen("new") == ("i1",)


def test_a_new_member_whose_row_is_not_readable_yet_is_taken_in() -> None:
    class Lagging(MemoryMembers):
        def get(self, member_id: str) -> Member | None:
            return None

    bench = Bench()
    bench.members = Lagging()
    assert bench.send({"member_id": "new"}).events[0].status == "accepted"
    (salt,) = {member.salt for member in bench.members.scan()}
    assert bench.events()[0].member == pseudonym_of("new", salt=salt)


def test_a_members_garbled_row_is_our_failure_not_a_bad_body_and_names_nobody() -> None:
    class Garbled(MemoryMembers):
        def get(self, member_id: str) -> Member | None:
            raise BadData("lacks 'salt'")

        def add_seen(self, member_id: str, item_ids: Sequence[str]) -> str:
            raise BadData("mistypes 'seen'")

    bench = Bench()
    bench.members = Garbled()
    with pytest.raises(DependencyError) as caught:
        bench.send({"member_id": "member-17"})
    assert "member-17" not in str(caught.value)
    assert bench.events() == []


@pytest.mark.parametrize("fails_at", ["the salt", "the seen list"])
def test_one_members_trouble_fails_their_events_alone_and_these_can_be_sent_again(
    fails_at: str,
) -> None:
    class Choosy(MemoryMembers):
        def add_seen(self, member_id: str, item_ids: Sequence[str]) -> str:
            if member_id == "m2" and (item_ids or fails_at == "the salt"):
                raise ConflictError("changed")
            return super().add_seen(member_id, item_ids)

    bench = Bench()
    bench.members = Choosy([Member("m1", {}, (), "salt-1")])
    sent: list[dict[str, object]] = [
        {"event_id": "a"},
        {"event_id": "b", "member_id": "m2"},
        {"event_id": "c", "member_id": "m2", "kind": "click"},
    ]
    click = ("failed", "not_kept") if fails_at == "the salt" else ("accepted", None)
    assert told(bench.send(*sent)) == [("accepted", None), ("failed", "not_kept"), click]
    bench.members = MemoryMembers(bench.members.scan())
    again = told(bench.send(*sent))
    assert [status for status, _ in again] == ["accepted"] * 3
    assert again[:2] == [("accepted", "already_recorded"), ("accepted", None)]
    assert bench.seen() == bench.seen("m2") == ("i1",)


@pytest.mark.parametrize("trouble", [ConflictError("changed"), BadData("mistypes 'seen'")])
def test_durable_events_whose_seen_list_cannot_grow_are_to_be_sent_again(
    trouble: Exception,
) -> None:
    class Stuck(MemoryMembers):
        def add_seen(self, member_id: str, item_ids: Sequence[str]) -> str:
            if item_ids:
                raise trouble
            return super().add_seen(member_id, item_ids)

    bench = Bench()
    bench.members = Stuck([Member("m1", {}, (), "salt-1")])
    with pytest.raises(DependencyError, match="cannot be written"):
        bench.send({})
    assert len(bench.events()) == 1


def test_an_event_that_could_not_be_made_durable_is_not_confirmed_nor_seen() -> None:
    class Down(MemoryDurableLog):
        def append(self, stream: LogStream, lines: Sequence[str]) -> None:
            raise DependencyError("Firehose refused")

    bench = Bench(Down())
    with pytest.raises(DependencyError):
        bench.send({})
    assert bench.seen() == ("i0",)
