"""Which feedback events of members were recorded already: the newest, for some days.

A table of its own: in the member's row they would be read with every recommendation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep, wait_between
from recsysops.adapters.dynamodb_batches import Attributes, write_rows
from recsysops.adapters.seen_items import append_seen
from recsysops.errors import BadData, DependencyError

REMEMBERED_EVENTS = 500
REMEMBERED_SECONDS = 14 * 86_400
_ATTEMPTS = 4


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
        """Return the recorded events of at most 100 members, oldest first; unknown ones are absent.

        Raises: DependencyError, BadData.
        """
        keys = [{"member_id": {"S": member_id}} for member_id in dict.fromkeys(member_ids)]
        found: dict[str, tuple[str, ...]] = {}
        for _ in wait_between(
            _ATTEMPTS, first_seconds=0.02, longest_seconds=0.3, sleep=self._sleep
        ):
            asked = {self._table: {"Keys": keys, "ConsistentRead": True}}
            with translate_errors(f"read from table {self._table}"):
                answer = self._client.batch_get_item(RequestItems=asked)
            found.update(_read_rows(answer["Responses"].get(self._table, ())))
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return found
        raise DependencyError(f"read from table {self._table}: {len(keys)} rows were not answered")

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
