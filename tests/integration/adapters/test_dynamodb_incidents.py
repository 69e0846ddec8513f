"""Incidents in DynamoDB against moto: as written, newest first, garbled ones named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from recsysops.adapters.dynamodb_incidents import DynamoIncidents
from recsysops.errors import BadData, NotFound
from recsysops.vocabulary import Finding, Incident, Window

NOW = datetime(2026, 11, 1, 12, 30, 15, 123000, tzinfo=UTC)


def make_incident(incident_id: str, *, hours: int = 0, status: str = "open") -> Incident:
    finding = Finding(
        audit="nulls",
        finding_id="nulls-1",
        component="item_features",
        metric="null_share",
        subject="language",
        slice={"source": "supplier-3"},
        baseline=0.01,
        observed=0.12,
        effect=0.11,
        effect_floor=0.02,
        p_value=1e-12,
        alarm=True,
        evidence={"query_execution_id": "q-1", "items": ["1", "2"], "n": 3},
    )
    window = Window(NOW, NOW + timedelta(days=1))
    return Incident(
        incident_id=incident_id,
        status=status,  # type: ignore[arg-type]
        component="item_features",
        subject="language",
        title="language is null — 12 %",
        severity="high",
        detected_at=NOW + timedelta(hours=hours),
        window=window,
        reference=None,
        findings=(finding,),
        timeline=({"at": NOW.isoformat(), "what": "detected"},),
        diagnosis={"verdict": "input", "items": ["1", "2"]},
    )


def test_incidents_come_back_as_written_newest_first_and_by_status(dynamodb) -> None:
    book = DynamoIncidents(dynamodb, "incident_ids")
    first, second = make_incident("inc-1"), make_incident("inc-2", hours=1, status="resolved")
    book.put(first)
    book.put(second)
    assert book.get("inc-1") == first
    assert book.list_incidents() == [second, first]
    assert book.list_incidents("open") == [first]
    with pytest.raises(NotFound, match="inc-9"):
        book.get("inc-9")


def test_a_garbled_incident_is_bad_data_that_names_it(dynamodb) -> None:
    row = {"incident_id": {"S": "inc-1"}, "document": {"S": '{"incident_id": 3}'}}
    dynamodb.put_item(TableName="incident_ids", Item=row)
    with pytest.raises(BadData, match="incident inc-1"):
        DynamoIncidents(dynamodb, "incident_ids").get("inc-1")
