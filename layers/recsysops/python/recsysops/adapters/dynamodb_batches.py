"""Many DynamoDB rows: batches that finish what was throttled, scans page by page."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep, wait_between
from recsysops.errors import DependencyError

Attributes = dict[str, Any]
"""A row as the low-level API spells it: {"name": {"S": "text"}}."""

BATCH_SIZE = 25
"""BatchWriteItem takes no more."""
READ_SIZE = 100
"""BatchGetItem takes no more."""
ATTEMPTS = 8


def write_rows(
    client: AwsClient,
    table: str,
    rows: Iterable[Attributes],
    *,
    key: str,
    sleep: Sleep = time.sleep,
) -> None:
    """Put rows in batches of 25; of two rows with one key the later stays.

    Raises: DependencyError when rows stay unprocessed after 8 tries or the service fails.
    """
    pending = iter(rows)
    while batch := list(islice(pending, BATCH_SIZE)):
        # the service refuses a batch that holds one key twice
        distinct = {tuple(row[key].items()): row for row in batch}
        _write_batch(client, table, list(distinct.values()), sleep=sleep)


def read_rows(
    client: AwsClient,
    table: str,
    names: Iterable[str],
    *,
    key: str,
    columns: Iterable[str] = (),
    consistent: bool = False,
    sleep: Sleep = time.sleep,
) -> dict[str, Attributes]:
    """Return rows by their key, in batches of 100; those that do not exist are absent.

    Keys that the service left unprocessed (throttled, or more than 16 MB) are asked for again.

    Args:
        columns: attributes to read, key included; all when empty.
        consistent: whether a row just written must be seen.

    Raises: DependencyError when keys stay unprocessed after 8 tries or the service fails.
    """
    options = {"ConsistentRead": consistent, **_projection(columns)}
    found: dict[str, Attributes] = {}
    pending = iter(dict.fromkeys(names))
    while batch := [{key: {"S": name}} for name in islice(pending, READ_SIZE)]:
        rows = _read_batch(client, table, batch, options, sleep=sleep)
        found.update((row[key]["S"], row) for row in rows)
    return found


def scan_rows(client: AwsClient, table: str, **options: object) -> Iterator[Attributes]:
    """Yield every row of a table. Raises: DependencyError."""
    pages = iter(client.get_paginator("scan").paginate(TableName=table, **options))
    while (page := _next_page(pages, table)) is not None:
        yield from page["Items"]


def _next_page(pages: Iterator[Mapping[str, Any]], table: str) -> Mapping[str, Any] | None:
    with translate_errors(f"scan of table {table}"):
        return next(pages, None)


def _projection(columns: Iterable[str]) -> dict[str, object]:
    names = {f"#{name}": name for name in columns}
    if not names:
        return {}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}


def _read_batch(
    client: AwsClient,
    table: str,
    keys: list[Attributes],
    options: Mapping[str, object],
    *,
    sleep: Sleep,
) -> list[Attributes]:
    rows: list[Attributes] = []
    for _ in wait_between(ATTEMPTS, first_seconds=0.02, longest_seconds=0.5, sleep=sleep):
        with translate_errors(f"read from table {table}"):
            answer = client.batch_get_item(RequestItems={table: {"Keys": keys, **options}})
        rows += answer["Responses"].get(table, ())
        keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if not keys:
            return rows
    raise DependencyError(
        f"read from table {table}: {len(keys)} rows were not answered after {ATTEMPTS} tries"
    )


def _write_batch(client: AwsClient, table: str, rows: list[Attributes], *, sleep: Sleep) -> None:
    requests = [{"PutRequest": {"Item": row}} for row in rows]
    for _ in wait_between(ATTEMPTS, first_seconds=0.05, longest_seconds=2.0, sleep=sleep):
        with translate_errors(f"write to table {table}"):
            answer = client.batch_write_item(RequestItems={table: requests})
        requests = answer.get("UnprocessedItems", {}).get(table, [])
        if not requests:
            return
    raise DependencyError(
        f"write to table {table}: {len(requests)} of {len(rows)} rows stayed unprocessed "
        f"after {ATTEMPTS} tries"
    )
