"""Which feedback events of members were recorded already: the newest, for some days.

A table of its own: in the member's row they would be read with every recommendation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from recsysops.adapters.aws_clients import AwsClient
from recsysops.adapters.backoff import Sleep
from recsysops.adapters.dynamodb_batches import Attributes, read_rows, write_rows
from recsysops.adapters.seen_items import append_seen
from recsysops.errors import BadData

REMEMBERED_EVENTS = 500
REMEMBERED_SECONDS = 14 * 86_400


class DynamoRecordedEvents:
    """RecordedEvents on a DynamoDB table; a row is forgotten two weeks after its last write.

    Rows are written without a condition, 25 at once: of two calls for one member at the same
    moment the later forgets what the earlier added.
    """

    def __init__(
        self,
        client: AwsClient,
        table: str,
        *,
        seconds: Callable[[], float] = time.time,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._seconds = seconds
        self._sleep = sleep

    def recall(self, member_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the recorded events of members, oldest first; unknown ones are absent.

        Raises: DependencyError, BadData.
        """
        rows = read_rows(
            self._client,
            self._table,
            member_ids,
            key="member_id",
            consistent=True,
            sleep=self._sleep,
        )
        return _read_rows(rows.values())

    def remember(self, events: Mapping[str, Sequence[str]]) -> None:
        """Write all recorded events of members, keeping the newest 500. Raises: DependencyError."""
        expires_at = {"N": str(int(self._seconds()) + REMEMBERED_SECONDS)}
        rows = (
            {
                "member_id": {"S": member_id},
                "events": {"S": " ".join(append_seen((), event_ids, limit=REMEMBERED_EVENTS))},
                "expires_at": expires_at,
            }
            for member_id, event_ids in events.items()
        )
        write_rows(self._client, self._table, rows, key="member_id", sleep=self._sleep)


def _read_rows(rows: Iterable[Attributes]) -> dict[str, tuple[str, ...]]:
    try:
        return {row["member_id"]["S"]: tuple(row["events"]["S"].split()) for row in rows}
    except (KeyError, TypeError, AttributeError) as error:
        raise BadData(f"a row of recorded events lacks or mistypes {error}") from error
