"""The incidents table: the whole incident as one JSON document beside its key and status."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep, wait_between
from recsysops.adapters.dynamodb_batches import Attributes, scan_rows
from recsysops.errors import BadData, ConflictError, NotFound
from recsysops.vocabulary import Incident, IncidentStatus

_INCIDENT = TypeAdapter(Incident)
_ATTEMPTS = 6


class DynamoIncidents:
    """IncidentBook on a DynamoDB table."""

    def __init__(self, client: AwsClient, table: str, *, sleep: Sleep = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def get(self, incident_id: str) -> Incident:
        """Return one incident. Raises: NotFound, DependencyError, BadData."""
        return _from_row(self._read(incident_id))

    def _read(self, incident_id: str) -> Attributes:
        with translate_errors(f"read from table {self._table}"):
            answer = self._client.get_item(
                TableName=self._table,
                Key={"incident_id": {"S": incident_id}},
                ConsistentRead=True,
            )
        if "Item" not in answer:
            raise NotFound(f"no incident {incident_id!r}; 'recsysops incidents' lists them")
        row: Attributes = answer["Item"]
        return row

    def put(self, incident: Incident) -> None:
        """Write or replace. Raises: DependencyError."""
        with translate_errors(f"write to table {self._table}"):
            self._client.put_item(TableName=self._table, Item=_to_row(incident))

    def update(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        """Replace an incident by what `change` makes of it, on condition that it is as read.

        Raises: NotFound, ConflictError when others kept writing, DependencyError, BadData.
        """
        for _ in wait_between(
            _ATTEMPTS, first_seconds=0.05, longest_seconds=1.0, sleep=self._sleep
        ):
            read = self._read(incident_id)
            changed = change(_from_row(read))
            try:
                self._replace(read, changed)
            except ConflictError:
                continue
            return changed
        raise ConflictError(f"incident {incident_id} changed during each of {_ATTEMPTS} tries")

    def _replace(self, read: Attributes, changed: Incident) -> None:
        with translate_errors(f"write to table {self._table}"):
            self._client.put_item(
                TableName=self._table,
                Item=_to_row(changed),
                ConditionExpression="document = :read",
                ExpressionAttributeValues={":read": read["document"]},
            )

    def list_incidents(self, status: IncidentStatus | None = None) -> list[Incident]:
        """Return incidents, newest first. Raises: DependencyError, BadData."""
        rows = scan_rows(self._client, self._table, ConsistentRead=True)
        found = [_from_row(row) for row in rows]
        chosen = [one for one in found if status in (None, one.status)]
        return sorted(chosen, key=lambda one: (one.detected_at, one.incident_id), reverse=True)


def _to_row(incident: Incident) -> Attributes:
    return {
        "incident_id": {"S": incident.incident_id},
        "status": {"S": incident.status},
        "detected_at": {"S": incident.detected_at.isoformat()},
        "component": {"S": incident.component},
        "document": {"S": _INCIDENT.dump_json(incident).decode()},
    }


def _from_row(row: Attributes) -> Incident:
    try:
        return _INCIDENT.validate_json(row["document"]["S"])
    except (KeyError, ValidationError) as error:
        incident_id = row.get("incident_id", {}).get("S", "without an id")
        raise BadData(f"incident {incident_id} cannot be read ({error})") from error
