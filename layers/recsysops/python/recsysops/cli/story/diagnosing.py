"""Wires a diagnosis: the lake, the artefact bucket and the registry; no serving table."""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.cli.story.stage import StagePorts
from recsysops.diagnosis.verdict import Diagnosis, ReplayCheck
from recsysops.request_log.records import FullRequest
from recsysops.vocabulary import Incident, Window
from recsysops.workflows.diagnose_incident import DiagnosisPorts, diagnose_incident
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.replay_requests import read_full_records, replay_requests


def diagnose(incident: Incident, ports: StagePorts, cache: CatalogueCache) -> Diagnosis:
    """Diagnose one incident. Raises: CouldNotJudge."""

    def read_records(window: Window, most: int) -> Sequence[FullRequest]:
        return read_full_records(ports.queries, window=window)[:most]

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
            queries=ports.queries,
            catalogues=cache,
            registry=ports.registry,
            read_records=read_records,
            replay=replay,
        ),
    )
