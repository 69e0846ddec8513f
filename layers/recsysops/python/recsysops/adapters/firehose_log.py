"""The request log on Firehose: buffered for requests, acknowledged for feedback.

What can be lost: lines in the buffer of a sandbox that dies (on AWS the buffer is emptied after
every response, so those of the running request), lines that no longer fit while Firehose is out,
and single lines above 1,000 KiB. Losses are counted: see `take_losses`.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep
from recsysops.adapters.firehose_records import (
    LogRecord,
    UndeliveredError,
    deliver_records,
    line_bytes,
    pack_lines,
    too_long,
)
from recsysops.errors import BadData, DependencyError
from recsysops.ports import LogStream

MAX_BUFFER_BYTES = 16 * 1024 * 1024
FLUSH_AFTER_LINES = 500
FLUSH_AFTER_BYTES = 900 * 1024
MAX_DEFERRED = 1_000
"""Requests whose lines are not made yet; only a sandbox that never flushes gets so far."""
REST_SECONDS = 5.0
"""After a failed delivery the next try waits, so that an outage does not slow every request."""


class FirehoseLog:
    """LogSink: `write` only appends; whoever runs after the response calls `flush`."""

    def __init__(
        self,
        client: AwsClient,
        streams: Mapping[LogStream, str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._streams = dict(streams)
        self._monotonic = monotonic
        self._lock = Lock()
        self._flushing = Lock()
        self._buffers: dict[LogStream, deque[str]] = defaultdict(deque)
        self._deferred: deque[Callable[[], None]] = deque()
        self._bytes = 0
        self._rest_until = float("-inf")
        self._lost_lines = 0

    def write(self, stream: LogStream, lines: Sequence[str]) -> None:
        """Buffer JSON lines; what does not fit is counted as lost."""
        with self._lock:
            for line in lines:
                self._append(stream, line)

    def defer(self, work: Callable[[], None]) -> None:
        """Keep work that writes lines for the next flush; do it now when too much of it waits."""
        if len(self._deferred) >= MAX_DEFERRED:
            self._do(work)
        else:
            self._deferred.append(work)

    @property
    def is_due(self) -> bool:
        """Say whether the buffer holds enough to be worth a delivery now."""
        with self._lock:
            lines = sum(map(len, self._buffers.values())) + len(self._deferred)
        return lines >= FLUSH_AFTER_LINES or self._bytes >= FLUSH_AFTER_BYTES

    def flush(self) -> None:
        """Deliver what is buffered; what fails stays buffered for a later flush.

        Lines are made even while Firehose rests after a failure, but nothing is sent.
        """
        with self._flushing:
            while self._deferred:
                self._do(self._deferred.popleft())
            if self._monotonic() < self._rest_until:
                return
            for stream in self._streams:
                if lines := self._take(stream):
                    self._deliver(stream, lines)

    def take_losses(self) -> int:
        """Return how many lines were lost since the last call."""
        with self._lock:
            lost, self._lost_lines = self._lost_lines, 0
        return lost

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BadData:  # a record that breaks its own rules must not keep the others
            with self._lock:
                self._lost_lines += 1

    def _append(self, stream: LogStream, line: str) -> None:
        size = line_bytes(line)
        if too_long(line) or self._bytes + size > MAX_BUFFER_BYTES:
            self._lost_lines += 1
            return
        self._buffers[stream].append(line)
        self._bytes += size

    def _take(self, stream: LogStream) -> list[str]:
        with self._lock:
            taken = list(self._buffers.pop(stream, ()))
            self._bytes -= sum(map(line_bytes, taken))
        return taken

    def _deliver(self, stream: LogStream, lines: list[str]) -> None:
        lost = len(lines)  # unless delivered or kept: also what nobody foresaw is counted
        try:
            deliver_records(
                self._client,
                self._streams[stream],
                pack_lines(lines),
                attempts=1,  # the buffer is the next try; here a sandbox may be waiting
            )
            lost = 0
        except UndeliveredError as error:
            lost = 0
            self._rest_until = self._monotonic() + REST_SECONDS
            self._put_back(stream, error.records)
        finally:
            with self._lock:
                self._lost_lines += lost

    def _put_back(self, stream: LogStream, records: Sequence[LogRecord]) -> None:
        self.write(stream, [line for record in records for line in record.lines])


class FirehoseDurableLog:
    """DurableLog: returns only after Firehose has acknowledged every line."""

    def __init__(
        self,
        client: AwsClient,
        streams: Mapping[LogStream, str],
        *,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._client = client
        self._streams = dict(streams)
        self._sleep = sleep

    def require_active(self) -> None:
        """Check that every stream takes records. Raises: DependencyError."""
        for name in self._streams.values():
            with translate_errors(f"describe stream {name}"):
                answer = self._client.describe_delivery_stream(DeliveryStreamName=name)
            status = answer["DeliveryStreamDescription"]["DeliveryStreamStatus"]
            if status != "ACTIVE":
                raise DependencyError(f"stream {name} is {status}")

    def append(self, stream: LogStream, lines: Sequence[str]) -> None:
        """Deliver the lines. Raises: BadData for a line above 1,000 KiB, DependencyError."""
        if any(map(too_long, lines)):
            raise BadData("a log line is longer than the 1,000 KiB that Firehose takes")
        try:
            deliver_records(
                self._client,
                self._streams[stream],
                pack_lines(lines),
                attempts=4,
                sleep=self._sleep,
            )
        except UndeliveredError as error:
            raise DependencyError(f"feedback is not durable: {error}") from error
