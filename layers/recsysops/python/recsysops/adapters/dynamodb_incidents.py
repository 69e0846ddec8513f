"""The incidents table: the whole incident as one JSON document beside its key and status."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.dynamodb_batches import Attributes, scan_rows
from recsysops.errors import BadData, NotFound
from recsysops.vocabulary import Incident, IncidentStatus

_INCIDENT = TypeAdapter(Incident)


class DynamoIncidents:
    """IncidentBook on a DynamoDB table."""

    def __init__(self, client: AwsClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, incident_id: str) -> Incident:
        """Return one incident. Raises: NotFound, DependencyError, BadData."""
        with translate_errors(f"read from table {self._table}"):
            answer = self._client.get_item(
                TableName=self._table,
                Key={"incident_id": {"S": incident_id}},
                ConsistentRead=True,
            )
        if "Item" not in answer:
            raise NotFound(f"no incident {incident_id!r}; 'recsysops incidents' lists them")
        return _from_row(answer["Item"])

    def put(self, incident: Incident) -> None:
        """Write or replace. Raises: DependencyError."""
        row = {
            "incident_id": {"S": incident.incident_id},
            "status": {"S": incident.status},
            "detected_at": {"S": incident.detected_at.isoformat()},
            "component": {"S": incident.component},
            "document": {"S": _INCIDENT.dump_json(incident).decode()},
        }
        with translate_errors(f"write to table {self._table}"):
            self._client.put_item(TableName=self._table, Item=row)

    def list_incidents(self, status: IncidentStatus | None = None) -> list[Incident]:
        """Return incidents, newest first. Raises: DependencyError, BadData."""
        rows = scan_rows(self._client, self._table, ConsistentRead=True)
        found = [_from_row(row) for row in rows]
        chosen = [one for one in found if status in (None, one.status)]
        return sorted(chosen, key=lambda one: (one.detected_at, one.incident_id), reverse=True)


def _from_row(row: Attributes) -> Incident:
    try:
        return _INCIDENT.validate_json(row["document"]["S"])
    except (KeyError, ValidationError) as error:
        incident_id = row.get("incident_id", {}).get("S", "without an id")
        raise BadData(f"incident {incident_id} cannot be read ({error})") from error
