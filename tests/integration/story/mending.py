"""From a told fault to the day after its first proposed hotfix."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from recsysops.adapters.memory_trail import MemoryTrail
from recsysops.cli.story.days import write_nightly_batches
from recsysops.cli.story.diagnosing import diagnose
from recsysops.cli.story.grading import first_incident
from recsysops.diagnosis.verdict import Diagnosis
from recsysops.resolution.proposal import LastGood, ProposalTerms, propose_hotfixes
from recsysops.workflows.deploy_hotfix import HotfixChange, HotfixPorts, deploy_hotfix
from recsysops.workflows.load_catalogue import load_delta
from recsysops.workflows.replay_requests import read_full_records
from recsysops.workflows.verify_recovery import Recovery, verify_recovery

from tests.integration.story.conftest import SEED, Told, ToldBefore


def name_cause(told: Told) -> Diagnosis:
    """Diagnose the incident that a person on call would open."""
    incident = first_incident(told.stage.ports.incidents.list_incidents())
    return diagnose(incident, told.stage.ports, told.stage.cache)


def reach_next_day(told: Told, before: ToldBefore, diagnosis: Diagnosis) -> None:
    """Publish the next morning's snapshot (upstream stays wrong), deploy the best proposal."""
    morning = before.world.stretches["recovered"].window.start
    wrong = told.truth.item_ids
    write_nightly_batches(told.stage, before.world, "recovered", seed=SEED, untouched=wrong)
    told.stage.publish(morning)
    _deploy_best(told, diagnosis, now=morning)


def serve_next_day(
    told: Told, before: ToldBefore, diagnosis: Diagnosis, *, first: int, last: int
) -> Recovery:
    """Send some requests of the day; compare with a world without the fault."""
    stage, day = told.stage, before.world.stretches["recovered"]
    some = replace(day, requests=day.requests[first:last])
    stage.send(some, lambda *_: None)
    sent = {request.request_id for request in some.requests}
    records = read_full_records(stage.lake, window=day.window)
    return verify_recovery(
        [record for record in records if record.request_id in sent],
        cache=stage.cache,
        item_ids=diagnosis.item_ids,
        good_delta_id=served_before(diagnosis, "deltas"),
        good_model_id=served_before(diagnosis, "models"),
    )


def served_before(diagnosis: Diagnosis, what: str, when: str = "before") -> str:
    """Return what the evidence says was served in the reference (or now)."""
    served = diagnosis.evidence[what]
    assert isinstance(served, dict)
    return str(served[when])


def _deploy_best(told: Told, diagnosis: Diagnosis, *, now: datetime) -> None:
    ports = told.stage.ports
    good, served = (
        {item.item_id: item for item in load_delta(ports.blobs, delta_id).items}
        for delta_id in (served_before(diagnosis, "deltas", when) for when in ("before", "now"))
    )
    best, *_ = propose_hotfixes(
        diagnosis.to_document(),
        last_good=LastGood(good, served_before(diagnosis, "models")),
        terms=ProposalTerms(owner="ada", now=now),
        served=served,
    )
    deploy_hotfix(
        best.hotfix,
        ports=HotfixPorts(ports.hotfixes, ports.blobs, MemoryTrail()),
        change=HotfixChange("ada", now, "at-once"),
        known_items=set(served),
        known_models=[entry.model_id for entry in ports.registry.entries()],
    )
