"""Diagnoses an incident from the lake, the artefacts and the registry, and says whom it touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from recsysops.diagnosis.verdict import Diagnosis, ReplayCheck
from recsysops.errors import CouldNotJudge
from recsysops.ports import IncidentBook, ModelRegistry, QueryEngine
from recsysops.request_log.records import FullRequest
from recsysops.vocabulary import Incident, Window
from recsysops.workflows.diagnose_incident import DiagnosisPorts, diagnose_incident
from recsysops.workflows.estimate_affected import estimate_affected
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.note_on_incident import keep_diagnosis
from recsysops.workflows.replay_requests import read_full_records, replay_requests


def diagnose_from_lake(
    incident: Incident, *, queries: QueryEngine, cache: CatalogueCache, registry: ModelRegistry
) -> Diagnosis:
    """Diagnose one incident; no serving table is read. Raises: CouldNotJudge, DependencyError."""

    def read_records(window: Window, most: int) -> Sequence[FullRequest]:
        return read_full_records(queries, window=window)[:most]

    def replay(records: Sequence[FullRequest]) -> ReplayCheck:
        report = replay_requests(records, cache=cache)
        return ReplayCheck(
            records=len(report.requests),
            bit_equal=report.count("bit_equal"),
            refused=report.count("refused"),
        )

    return diagnose_incident(
        incident,
        ports=DiagnosisPorts(
            queries=queries,
            catalogues=cache,
            registry=registry,
            read_records=read_records,
            replay=replay,
        ),
    )


def attach_diagnosis(
    incident_id: str,
    *,
    incidents: IncidentBook,
    queries: QueryEngine,
    cache: CatalogueCache,
    registry: ModelRegistry,
    now: datetime,
) -> Mapping[str, object]:
    """Diagnose an incident and write the verdict into it, an honest 'could not judge' too.

    A diagnosis that somebody has made already is left alone. Raises: NotFound, DependencyError.
    """
    incident = incidents.get(incident_id)
    if incident.diagnosis is not None:
        return incident.diagnosis
    told = _diagnose(incident, queries=queries, cache=cache, registry=registry)
    keep_diagnosis(incident_id, told, at=now, incidents=incidents)
    return told


def _diagnose(
    incident: Incident, *, queries: QueryEngine, cache: CatalogueCache, registry: ModelRegistry
) -> dict[str, object]:
    try:
        found = diagnose_from_lake(incident, queries=queries, cache=cache, registry=registry)
    except CouldNotJudge as error:
        return {
            "incident_id": incident.incident_id,
            "verdict": "could_not_judge",
            "summary": str(error),
            "affected": estimate_affected(incident, item_ids=(), queries=queries),
        }
    affected = estimate_affected(incident, item_ids=found.item_ids, queries=queries)
    return {**found.to_document(), "affected": affected}
