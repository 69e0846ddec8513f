"""The story goes wrong, visibly, when judge, peers or flag reader are replaced by mutes.

Each test first asserts the outcome with the real part, then that the mute changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryFlags, MemoryIncidents, MemoryNotifier
from recsysops.adapters.memory_trail import MemoryTrail
from recsysops.cli.story.days import write_nightly_batches
from recsysops.cli.story.diagnosing import diagnose
from recsysops.cli.story.faults_check import grade
from recsysops.cli.story.grading import first_incident
from recsysops.cli.story.in_process import InProcessStage
from recsysops.detection.checks import Judgement
from recsysops.diagnosis import suspects
from recsysops.diagnosis.verdict import Diagnosis
from recsysops.resolution.proposal import LastGood, ProposalTerms, propose_hotfixes
from recsysops.simulation.faults import FaultName
from recsysops.vocabulary import FlagDocument, Incident
from recsysops.workflows import diagnose_incident, run_audit
from recsysops.workflows.deploy_hotfix import HotfixChange, HotfixPorts, deploy_hotfix
from recsysops.workflows.load_catalogue import load_delta
from recsysops.workflows.replay_requests import read_full_records
from recsysops.workflows.verify_recovery import Recovery, verify_recovery

from tests.integration.story.conftest import SEED, Told, ToldBefore

pytestmark = pytest.mark.xdist_group("story")
TellFault = Callable[[FaultName], Told]


def audit_again(told: Told, before: ToldBefore) -> MemoryIncidents:
    """Audit the broken day into an empty incident book."""
    incidents = MemoryIncidents()
    days = before.world.stretches
    run_audit.run_audit(
        days["broken"].window,
        reference=days["reference"].window,
        ports=run_audit.AuditPorts(
            queries=told.stage.lake,
            registry=told.stage.ports.registry,
            incidents=incidents,
            notifier=MemoryNotifier(),
        ),
        now=days["broken"].window.end,
    )
    return incidents


def test_a_judge_that_finds_nothing_leaves_the_fault_undetected(
    tell_fault: TellFault, before: ToldBefore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tell_fault("language_misconfigured")
    assert told.row.incidents

    def find_nothing(audit: str, **_: object) -> Judgement:
        return Judgement(audit=audit, status="judged", tested_wholes=1)

    monkeypatch.setattr(run_audit, "judge_audit", find_nothing)
    assert audit_again(told, before).list_incidents() == []


def open_incident(told: Told) -> Incident:
    return first_incident(told.stage.ports.incidents.list_incidents())


def name_cause(told: Told) -> Diagnosis:
    return diagnose(open_incident(told), told.stage.ports, told.stage.cache)


def is_right(told: Told, diagnosis: Diagnosis) -> bool:
    return grade(told.truth, diagnosis, seed=SEED, incidents=1).ok


def test_a_peer_comparison_that_names_nothing_leaves_zeroed_numbers_unnamed(
    tell_fault: TellFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tell_fault("numeric_zero_filled")
    assert told.row.ok
    monkeypatch.setattr(suspects, "robust_z", lambda values, *_, **__: np.zeros(len(values)))
    monkeypatch.setattr(suspects, "log_lift", lambda values, *_, **__: np.zeros(len(values)))
    diagnosis = name_cause(told)
    assert not is_right(told, diagnosis)
    assert diagnosis.verdict == "could_not_judge"


def test_a_search_for_suspects_that_names_nothing_leaves_the_language_unnamed(
    tell_fault: TellFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tell_fault("language_misconfigured")
    assert told.row.ok
    monkeypatch.setattr(diagnose_incident, "find_suspicions", lambda _: [])
    diagnosis = name_cause(told)
    assert not is_right(told, diagnosis)
    assert diagnosis.item_ids == ()


def deploy_first_proposal(stage: InProcessStage, diagnosis: Diagnosis, *, now: datetime) -> None:
    deltas = diagnosis.evidence["deltas"]
    assert isinstance(deltas, dict)
    good = {i.item_id: i for i in load_delta(stage.ports.blobs, deltas["before"]).items}
    served = {i.item_id: i for i in load_delta(stage.ports.blobs, deltas["now"]).items}
    best = propose_hotfixes(
        diagnosis.to_document(),
        last_good=LastGood(good),
        terms=ProposalTerms(owner="ada", now=now),
        served=served,
    )[0]
    deploy_hotfix(
        best.hotfix,
        ports=HotfixPorts(stage.ports.hotfixes, stage.ports.blobs, MemoryTrail()),
        change=HotfixChange("ada", now, "at-once"),
        known_items=set(served),
        known_models=(),
    )


def serve_next_day(told: Told, before: ToldBefore, *, first: int, last: int) -> Recovery:
    """Send some requests of the day after the hotfix; compare with a world without the fault."""
    stage, day = told.stage, before.world.stretches["recovered"]
    some = replace(day, requests=day.requests[first:last])
    stage.send(some, lambda *_: None)
    sent = {request.request_id for request in some.requests}
    records = read_full_records(stage.lake, window=day.window)
    diagnosis = open_incident(told).diagnosis or {}
    evidence = diagnosis["evidence"]
    assert isinstance(evidence, dict)
    return verify_recovery(
        [record for record in records if record.request_id in sent],
        cache=stage.cache,
        item_ids=told.truth.item_ids,
        good_delta_id=evidence["deltas"]["before"],
        good_model_id=evidence["models"]["before"],
    )


def test_a_flag_reader_that_returns_no_flags_leaves_members_unprotected(
    tell_fault: TellFault, before: ToldBefore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tell_fault("language_misconfigured")
    stage, day = told.stage, before.world.stretches["recovered"]
    diagnosis = name_cause(told)
    assert is_right(told, diagnosis)
    stage.ports.incidents.put(replace(open_incident(told), diagnosis=diagnosis.to_document()))
    write_nightly_batches(
        stage, before.world, "recovered", seed=SEED, untouched=told.truth.item_ids
    )
    stage.publish(day.window.start)
    deploy_first_proposal(stage, diagnosis, now=day.window.start)
    protected = serve_next_day(told, before, first=0, last=200)
    assert protected.is_recovered
    assert protected.protected == protected.records

    monkeypatch.setattr(MemoryFlags, "hotfixes", lambda _: FlagDocument(version=""))
    unprotected = serve_next_day(told, before, first=200, last=400)
    assert unprotected.protected == 0
    assert not unprotected.is_recovered
