"""What consumers really showed reaches the lake as sent, or the call fails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from recsysops.adapters.memory import MemoryDurableLog
from recsysops.errors import BadBody, DependencyError
from recsysops.ports import LogStream
from recsysops.request_log.records import ConsumerLog
from recsysops.request_log.schema import decode_record
from recsysops.serving.consumer_api import ConsumerLogRequest
from recsysops.workflows.record_consumer_logs import record_consumer_logs

from tests.fakes.served_world import NOW


def send(log: MemoryDurableLog, *entries: dict[str, Any], accept_retimed: bool = False) -> int:
    body = {"consumer": "tv-app", "fraction": 0.05, "entries": entries}
    request = ConsumerLogRequest.model_validate(body)
    answer = record_consumer_logs(request, log=log, accept_retimed=accept_retimed, now=NOW)
    return answer.recorded


def test_entries_are_written_one_row_each_as_shown() -> None:
    log = MemoryDurableLog()
    shown = ["i3", "i1"]
    assert send(log, {"request_id": "r1", "shown": shown}, {"request_id": "r2", "shown": []}) == 2
    first, second = (decode_record(ConsumerLog, row) for row in log.rows("consumer_logs"))
    assert (first.consumer, first.fraction, first.shown) == ("tv-app", 0.05, shown)
    assert (first.request_id, first.event_time, first.traffic) == ("r1", NOW, "live")
    assert (second.shown, second.surface) == ([], "home")


def test_re_timed_entries_are_taken_where_the_stage_takes_such() -> None:
    entry = {"request_id": "r1", "shown": [], "event_time": (NOW - timedelta(days=1)).isoformat()}
    log = MemoryDurableLog()
    with pytest.raises(BadBody) as refused:
        send(log, {"request_id": "r0", "shown": []}, entry)
    assert refused.value.problems[0][0] == "entries.1.event_time"
    assert log.rows("consumer_logs") == []
    send(log, entry, accept_retimed=True)
    assert log.rows("consumer_logs")[0]["traffic"] == "re-timed"


def test_what_is_not_durable_is_not_recorded() -> None:
    class Out(MemoryDurableLog):
        def append(self, stream: LogStream, lines: Sequence[str]) -> None:
            raise DependencyError("out")

    with pytest.raises(DependencyError):
        send(Out(), {"request_id": "r1", "shown": []})
