"""Diagnoses an incident as soon as it is paged: {detail: {incident_id}} of the incident bus."""

from collections.abc import Mapping

from recsysops.adapters.job_events import IncidentEvent, read_task
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.workflows.diagnose_from_lake import attach_diagnosis

PORTS = process_ports()
LOGGER = make_logger("diagnose_incident")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Attach the verdict, 'could not judge' too, to the incident; return id and verdict."""
    incident_id = read_task(IncidentEvent, event).detail.incident_id
    told = attach_diagnosis(
        incident_id,
        incidents=PORTS.incidents,
        queries=PORTS.queries,
        cache=PORTS.catalogues,
        registry=PORTS.registry,
        now=PORTS.clock(),
    )
    LOGGER.info("incident diagnosed", incident_id=incident_id, verdict=str(told["verdict"]))
    return {"incident_id": incident_id, "verdict": told["verdict"]}
