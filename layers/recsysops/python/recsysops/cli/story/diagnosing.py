"""Wires a diagnosis for the story: the doors of a stage, as the diagnosis takes them."""

from __future__ import annotations

from recsysops.cli.story.stage import StagePorts
from recsysops.diagnosis.verdict import Diagnosis
from recsysops.vocabulary import Incident
from recsysops.workflows.diagnose_from_lake import diagnose_from_lake
from recsysops.workflows.load_catalogue import CatalogueCache


def diagnose(incident: Incident, ports: StagePorts, cache: CatalogueCache) -> Diagnosis:
    """Diagnose one incident. Raises: CouldNotJudge."""
    return diagnose_from_lake(incident, queries=ports.queries, cache=cache, registry=ports.registry)
