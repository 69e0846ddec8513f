"""The audit trail table: one row per deployment of flags, never overwritten."""

from __future__ import annotations

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.ports import Row


class DynamoTrail:
    """AuditTrail on a DynamoDB table."""

    def __init__(self, client: AwsClient, table: str) -> None:
        self._client = client
        self._table = table

    def append(self, row: Row) -> None:
        """Add one row; empty values are left out.

        Raises: ConflictError when its deployment_id is taken; DependencyError.
        """
        with translate_errors(f"write to table {self._table}"):
            self._client.put_item(
                TableName=self._table,
                Item={name: {"S": str(value)} for name, value in row.items() if value != ""},
                ConditionExpression="attribute_not_exists(deployment_id)",
            )
