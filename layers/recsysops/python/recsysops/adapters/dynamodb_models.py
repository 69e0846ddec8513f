"""The models table: the registry of what was trained and what may serve."""

from __future__ import annotations

import json
from datetime import datetime
from typing import get_args

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.dynamodb_batches import Attributes, scan_rows
from recsysops.errors import BadData
from recsysops.vocabulary import ModelEntry, ModelStatus


class DynamoModels:
    """ModelRegistry on a DynamoDB table."""

    def __init__(self, client: AwsClient, table: str) -> None:
        self._client = client
        self._table = table

    def entries(self) -> list[ModelEntry]:
        """Return all models, newest first. Raises: DependencyError, BadData."""
        found = [_from_row(row) for row in scan_rows(self._client, self._table)]
        return sorted(found, key=lambda entry: (entry.trained_at, entry.model_id), reverse=True)

    def put(self, entry: ModelEntry) -> None:
        """Write or replace an entry. Raises: DependencyError."""
        row = {
            "model_id": {"S": entry.model_id},
            "status": {"S": entry.status},
            "trained_at": {"S": entry.trained_at.isoformat()},
            "metrics": {"S": json.dumps(dict(entry.metrics), sort_keys=True)},
        }
        with translate_errors(f"write to table {self._table}"):
            self._client.put_item(TableName=self._table, Item=row)


def _from_row(row: Attributes) -> ModelEntry:
    try:
        status = row["status"]["S"]
        if status not in get_args(ModelStatus):
            raise ValueError(f"status {status!r}")
        return ModelEntry(
            model_id=row["model_id"]["S"],
            status=status,
            trained_at=datetime.fromisoformat(row["trained_at"]["S"]),
            metrics=json.loads(row["metrics"]["S"]),
        )
    except (KeyError, ValueError) as error:
        model_id = row.get("model_id", {}).get("S", "without an id")
        raise BadData(f"model {model_id}: its registry entry cannot be read ({error})") from error
