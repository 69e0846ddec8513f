"""How JSON lines travel through Firehose: many in one record, and only what failed again.

Firehose bills a record rounded up to 5 KB and the emulator makes one object per record, so lines
are packed, each ended by a newline (never as a JSON array: the deserializer refuses it).
A retry after a timeout may deliver lines twice: whoever counts them counts distinct ids.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep, wait_between
from recsysops.errors import DependencyError

MAX_RECORD_BYTES = 1_000 * 1024
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_BATCH_RECORDS = 500


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One Firehose record: newline-ended JSON lines."""

    lines: tuple[str, ...]
    body: bytes


def pack_lines(lines: Iterable[str], *, max_bytes: int = MAX_RECORD_BYTES) -> list[LogRecord]:
    """Pack lines, in order, into as few records of at most `max_bytes` as their order allows.

    A line that is longer than a record gets one of its own, which Firehose will refuse: see
    `too_long`.
    """
    records: list[LogRecord] = []
    packed: list[str] = []
    size = 0
    for line in lines:
        length = line_bytes(line)
        if packed and size + length > max_bytes:
            records.append(_record(packed))
            packed, size = [], 0
        packed.append(line)
        size += length
    return [*records, _record(packed)] if packed else records


def line_bytes(line: str) -> int:
    """Return what a line takes in a record, its newline included."""
    # our own lines are ASCII, which is known without looking at them
    return (len(line) if line.isascii() else len(line.encode())) + 1


def too_long(line: str) -> bool:
    """Say whether no record can hold the line."""
    return line_bytes(line) > MAX_RECORD_BYTES


def deliver_records(
    client: AwsClient,
    stream: str,
    records: Sequence[LogRecord],
    *,
    attempts: int,
    sleep: Sleep = time.sleep,
) -> None:
    """Put records until Firehose has acknowledged every one.

    Raises: UndeliveredError with the records that were not, after so many tries each.
    """
    undelivered: list[LogRecord] = []
    why = ""
    for batch in _batches(records):
        try:
            _deliver_batch(client, stream, batch, attempts=attempts, sleep=sleep)
        except UndeliveredError as error:
            undelivered.extend(error.records)
            why = str(error)
    if undelivered:
        raise UndeliveredError(why, records=undelivered)


class UndeliveredError(DependencyError):
    """Firehose did not acknowledge some records; `records` are those."""

    def __init__(self, message: str, *, records: Sequence[LogRecord]) -> None:
        super().__init__(message)
        self.records = tuple(records)


def _deliver_batch(
    client: AwsClient, stream: str, batch: list[LogRecord], *, attempts: int, sleep: Sleep
) -> None:
    pending, why = batch, ""
    for _ in wait_between(attempts, first_seconds=0.05, longest_seconds=1.0, sleep=sleep):
        try:
            pending, why = _put_batch(client, stream, pending)
        except DependencyError as error:
            why = str(error)
        if not pending:
            return
    message = f"{len(pending)} of {len(batch)} records not acknowledged by {stream}: {why}"
    raise UndeliveredError(message, records=pending)


def _put_batch(
    client: AwsClient, stream: str, batch: list[LogRecord]
) -> tuple[list[LogRecord], str]:
    """Return the records that failed and why."""
    with translate_errors(f"put to stream {stream}"):
        answer = client.put_record_batch(
            DeliveryStreamName=stream, Records=[{"Data": record.body} for record in batch]
        )
    if not answer["FailedPutCount"]:
        return [], ""
    outcomes = list(zip(batch, answer["RequestResponses"], strict=True))
    codes = sorted({outcome["ErrorCode"] for _, outcome in outcomes if "ErrorCode" in outcome})
    return [record for record, outcome in outcomes if "ErrorCode" in outcome], ", ".join(codes)


def _batches(records: Sequence[LogRecord]) -> Iterator[list[LogRecord]]:
    batch: list[LogRecord] = []
    size = 0
    for record in records:
        full = len(batch) == MAX_BATCH_RECORDS or size + len(record.body) > MAX_BATCH_BYTES
        if batch and full:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.body)
    if batch:
        yield batch


def _record(lines: list[str]) -> LogRecord:
    return LogRecord(tuple(lines), "".join(f"{line}\n" for line in lines).encode())
