"""The request log on Firehose: packing, partial failures, outages and what is lost."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from recsysops.adapters import firehose_log
from recsysops.adapters.firehose_log import (
    MAX_DEFERRED,
    REST_SECONDS,
    FirehoseDurableLog,
    FirehoseLog,
)
from recsysops.adapters.firehose_records import MAX_RECORD_BYTES, pack_lines
from recsysops.errors import BadData, DependencyError

STREAMS = {"slim_requests": "slim", "full_requests": "full", "feedback": "feedback"}


class FakeFirehose:
    """Keeps records; `script` holds what the next calls do: an error or indexes that fail."""

    def __init__(self, *script: Exception | list[int]) -> None:
        self.script = list(script)
        self.calls = 0
        self.stored: dict[str, list[bytes]] = {}

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, Any]]):  # noqa: N803
        self.calls += 1
        assert len(Records) <= 500
        assert sum(len(record["Data"]) for record in Records) <= 4 * 1024 * 1024
        step = self.script.pop(0) if self.script else []
        if isinstance(step, Exception):
            raise step
        outcomes = []
        for number, record in enumerate(Records):
            if number in step:
                outcomes.append({"ErrorCode": "ServiceUnavailableException"})
                continue
            self.stored.setdefault(DeliveryStreamName, []).append(record["Data"])
            outcomes.append({"RecordId": str(number)})
        return {"FailedPutCount": len(step), "RequestResponses": outcomes}

    def lines(self, stream: str) -> list[str]:
        return b"".join(self.stored.get(stream, [])).decode().splitlines()


def throttled() -> ClientError:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "Put")


def make_log(client: FakeFirehose, **options: Any) -> FirehoseLog:
    return FirehoseLog(client, STREAMS, **options)


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",)))))
def test_packed_records_hold_every_line_in_order_and_are_as_few_as_can_be(lines) -> None:
    records = pack_lines(lines, max_bytes=20)
    assert b"".join(record.body for record in records).decode().split("\n")[:-1] == lines
    for record in records:
        assert len(record.body) <= 20 or len(record.lines) == 1
    for left, right in pairwise(records):
        assert len(left.body) + len(right.lines[0].encode()) + 1 > 20


def test_many_lines_travel_in_one_record_ended_by_newlines() -> None:
    client = FakeFirehose()
    log = make_log(client)
    log.write("slim_requests", ['{"n":1}', '{"n":2}'])
    log.write("full_requests", ['{"n":3}'])
    assert client.calls == 0
    log.flush()
    assert client.stored == {"slim": [b'{"n":1}\n{"n":2}\n'], "full": [b'{"n":3}\n']}
    log.flush()
    assert client.calls == 2


def test_only_the_records_that_failed_are_sent_again_after_a_rest() -> None:
    clock = [0.0]
    client = FakeFirehose([1])
    log = make_log(client, monotonic=lambda: clock[0])
    big = "x" * (MAX_RECORD_BYTES - 1)
    log.write("slim_requests", [big, big.replace("x", "y"), "z"])
    log.flush()
    clock[0] = REST_SECONDS
    log.flush()
    assert client.calls == 2
    assert [record[:1] for record in client.stored["slim"]] == [b"x", b"z", b"y"]
    assert log.take_losses() == 0


def test_an_outage_costs_no_request_and_lines_go_out_when_it_ends() -> None:
    clock = [0.0]
    client = FakeFirehose(ReadTimeoutError(endpoint_url="https://firehose"))
    log = make_log(client, monotonic=lambda: clock[0])
    log.write("slim_requests", ["1"])
    log.flush()
    assert client.calls == 1
    log.write("slim_requests", ["2"])
    log.flush()
    assert client.calls == 1, "it rests after a failure"
    clock[0] = REST_SECONDS
    log.flush()
    assert client.lines("slim") == ["1", "2"]
    assert log.take_losses() == 0


def test_what_no_longer_fits_during_an_outage_is_counted_as_lost(monkeypatch) -> None:
    monkeypatch.setattr(firehose_log, "MAX_BUFFER_BYTES", 10)
    client = FakeFirehose(throttled(), throttled())
    log = make_log(client)
    log.write("slim_requests", ["1234", "5678"])
    log.flush()
    log.write("slim_requests", ["9"])
    assert log.take_losses() == 1
    assert log.take_losses() == 0


def test_what_fails_in_an_unforeseen_way_is_counted_and_costs_the_other_stream_nothing() -> None:
    client = FakeFirehose(KeyError("FailedPutCount"))
    log = make_log(client)
    log.write("slim_requests", ["1", "2"])
    log.write("full_requests", ["3"])
    with pytest.raises(KeyError):
        log.flush()
    assert log.take_losses() == 2
    log.flush()
    assert (client.lines("slim"), client.lines("full")) == ([], ["3"])
    assert not log.is_due


def test_a_line_longer_than_a_record_is_lost_and_counted_and_the_others_go() -> None:
    client = FakeFirehose()
    log = make_log(client)
    log.write("full_requests", ["x" * MAX_RECORD_BYTES, "y"])
    log.flush()
    assert client.lines("full") == ["y"]
    assert log.take_losses() == 1


def test_a_full_buffer_is_due_before_its_time() -> None:
    log = make_log(FakeFirehose())
    assert not log.is_due
    log.write("slim_requests", ["x"] * 500)
    assert log.is_due
    log.flush()
    assert not log.is_due
    log.write("slim_requests", ["x" * 921_600])
    assert log.is_due


def test_feedback_returns_only_after_every_record_is_acknowledged() -> None:
    client = FakeFirehose(throttled(), [0], [])
    FirehoseDurableLog(client, STREAMS, sleep=lambda _: None).append("feedback", ["1", "2"])
    assert client.calls == 3
    assert client.lines("feedback") == ["1", "2"]


def test_feedback_that_is_not_acknowledged_is_a_dependency_error() -> None:
    client = FakeFirehose([0], [0], [0], [0])
    with pytest.raises(DependencyError, match="ServiceUnavailableException"):
        FirehoseDurableLog(client, STREAMS, sleep=lambda _: None).append("feedback", ["1"])
    assert client.calls == 4
    assert client.lines("feedback") == []


def test_one_failing_batch_does_not_stop_the_next_and_only_it_is_reported() -> None:
    client = FakeFirehose(*[throttled()] * 4)
    lines = ["x" * 900_000] * 5
    with pytest.raises(DependencyError, match="4 of 4 records"):
        FirehoseDurableLog(client, STREAMS, sleep=lambda _: None).append("feedback", lines)
    assert len(client.stored["feedback"]) == 1


def test_feedback_longer_than_a_record_is_refused_at_once() -> None:
    client = FakeFirehose()
    with pytest.raises(BadData, match="1,000 KiB"):
        FirehoseDurableLog(client, STREAMS).append("feedback", ["x" * MAX_RECORD_BYTES])
    assert client.calls == 0


def test_deferred_lines_are_made_by_the_flush_even_while_firehose_rests() -> None:
    client = FakeFirehose(throttled())
    now = [0.0]
    log = make_log(client, monotonic=lambda: now[0])
    log.defer(lambda: log.write("slim_requests", ["1"]))
    assert (client.calls, client.lines("slim")) == (0, [])
    log.flush()
    log.defer(lambda: log.write("slim_requests", ["2"]))
    log.flush()
    now[0] = REST_SECONDS + 1.0
    log.flush()
    assert (client.calls, client.lines("slim"), log.take_losses()) == (2, ["1", "2"], 0)


def test_a_record_that_breaks_its_rules_is_counted_and_keeps_no_other() -> None:
    def break_rules() -> None:
        raise BadData("score: nan is not a finite number")

    client = FakeFirehose()
    log = make_log(client)
    log.defer(break_rules)
    log.defer(lambda: log.write("slim_requests", ["2"]))
    log.flush()
    assert (client.lines("slim"), log.take_losses()) == (["2"], 1)


def test_with_too_much_waiting_lines_are_made_at_once_and_the_log_is_due() -> None:
    made: list[int] = []
    log = make_log(FakeFirehose())
    for number in range(MAX_DEFERRED + 1):
        log.defer(partial(made.append, number))
    assert made == [MAX_DEFERRED]
    assert log.is_due
    log.flush()
    assert len(made) == MAX_DEFERRED + 1
