"""A DynamoDB client in memory that counts its calls and takes as long as a network would."""

from __future__ import annotations

import re
import time
from collections import Counter
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError


class CountedDynamo:
    """Understands what the members and recorded events tables ask; rows by table and member."""

    def __init__(self, *, delay_seconds: float = 0.0) -> None:
        self.calls: Counter[str] = Counter()
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._delay_seconds = delay_seconds
        self._lock = Lock()

    def get_item(self, *, TableName: str, Key: Any, **_: Any) -> Any:  # noqa: N803 - boto3's
        self._take("get_item")
        row = self.rows.get((TableName, Key["member_id"]["S"]))
        return {"Item": row} if row else {}

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803 - boto3's
        self._take("batch_get_item")
        ((table, asked),) = RequestItems.items()
        names = [(table, key["member_id"]["S"]) for key in asked["Keys"]]
        return {"Responses": {table: [self.rows[n] for n in names if n in self.rows]}}

    def batch_write_item(self, *, RequestItems: Any) -> Any:  # noqa: N803 - boto3's
        self._take("batch_write_item")
        ((table, writes),) = RequestItems.items()
        for item in (write["PutRequest"]["Item"] for write in writes):
            self.rows[table, item["member_id"]["S"]] = item
        return {}

    def update_item(self, *, TableName: str, Key: Any, **asked: Any) -> Any:  # noqa: N803 - boto3's
        self._take("update_item")
        values = asked["ExpressionAttributeValues"]
        with self._lock:
            row = self.rows.get((TableName, Key["member_id"]["S"]), dict(Key))
            if row.get("revision") != values.get(":known"):
                error = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}
                raise ClientError(error, "UpdateItem")
            pairs = re.findall(r"(\w+) = (:\w+)", asked["UpdateExpression"])
            changed = {name: values[value] for name, value in pairs}
            self.rows[TableName, Key["member_id"]["S"]] = {**row, **changed}
        return {}

    def _take(self, name: str) -> None:
        with self._lock:
            self.calls[name] += 1
        time.sleep(self._delay_seconds)
