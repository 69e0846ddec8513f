"""The audit trail against moto."""

from __future__ import annotations

import boto3
import pytest
from recsysops.adapters.dynamodb_trail import DynamoTrail
from recsysops.adapters.memory_trail import MemoryTrail
from recsysops.errors import ConflictError, DependencyError

ROW = {"deployment_id": "20260101T000000Z-hotfixes-1", "operator": "ada", "incident_ids": ""}


def test_a_row_is_added_once_and_never_overwritten(aws: None) -> None:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="trail",
        KeySchema=[{"AttributeName": "deployment_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "deployment_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    trail = DynamoTrail(client, "trail")
    trail.append(ROW)
    with pytest.raises(ConflictError):
        trail.append({**ROW, "operator": "bob"})
    (stored,) = client.scan(TableName="trail")["Items"]
    assert stored == {
        "deployment_id": {"S": ROW["deployment_id"]},
        "operator": {"S": "ada"},
    }


def test_a_missing_table_is_a_dependency_error(aws: None) -> None:
    with pytest.raises(DependencyError):
        DynamoTrail(boto3.client("dynamodb"), "nowhere").append(ROW)


def test_the_trail_in_memory_keeps_the_same_rule() -> None:
    trail = MemoryTrail()
    trail.append(ROW)
    with pytest.raises(ConflictError):
        trail.append(ROW)
    assert trail.rows == [ROW]
