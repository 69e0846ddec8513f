"""The story goes wrong, visibly, when judge, peers or flag reader are replaced by mutes.

Each test first asserts the outcome with the real part, then that the mute changes it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryFlags, MemoryIncidents, MemoryNotifier
from recsysops.cli.story.faults_check import grade
from recsysops.detection.checks import Judgement
from recsysops.detection.declaration import Audit
from recsysops.diagnosis import suspects
from recsysops.diagnosis.verdict import Diagnosis
from recsysops.simulation.fault_names import FaultName
from recsysops.vocabulary import FlagDocument
from recsysops.workflows import diagnose_incident, run_audit

from tests.integration.story.conftest import SEED, Told, ToldBefore
from tests.integration.story.mending import name_cause, reach_next_day, serve_next_day

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

    def find_nothing(audit: Audit, **_: object) -> Judgement:
        return Judgement(audit=audit.name, status="judged", tested_wholes=1)

    monkeypatch.setattr(run_audit, "judge_audit", find_nothing)
    assert audit_again(told, before).list_incidents() == []


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


def test_a_flag_reader_that_returns_no_flags_leaves_members_unprotected(
    tell_fault: TellFault, before: ToldBefore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tell_fault("language_misconfigured")
    diagnosis = name_cause(told)
    assert is_right(told, diagnosis)
    reach_next_day(told, before, diagnosis)
    protected = serve_next_day(told, before, diagnosis, first=0, last=200)
    assert protected.is_recovered
    assert protected.protected == protected.records

    monkeypatch.setattr(MemoryFlags, "hotfixes", lambda _: FlagDocument(version=""))
    unprotected = serve_next_day(told, before, diagnosis, first=200, last=400)
    assert unprotected.protected == 0
    assert not unprotected.is_recovered
