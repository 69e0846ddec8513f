"""An incident's states, its slices by contribution, whom it touches, and what it resembles."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_distributions
from recsysops.detection.checks import Check
from recsysops.detection.contributions import estimate_affected, rank_contributions
from recsysops.detection.evidence import KEPT_PLOTS, attach_evidence
from recsysops.detection.judge import judge_rows
from recsysops.detection.lifecycle import Remark, comes_back, link_fix, may_tell, move_incident
from recsysops.detection.similar import find_similar, likeness
from recsysops.errors import BadInput, ConflictError
from recsysops.vocabulary import Finding, Incident, Window

from tests.unit.detection.distributions import context, rows

NOW = datetime(2026, 3, 3, tzinfo=UTC)
ANA = Remark("ana", NOW, "looked into it")


def make_incident(incident_id: str = "inc-1", **changes: object) -> Incident:
    made = Incident(
        incident_id=incident_id,
        status="open",
        component="item_features",
        subject="language",
        title="language 'ja' vanished",
        severity="high",
        detected_at=NOW,
        window=Window(NOW - timedelta(days=1), NOW),
        reference=None,
        findings=(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "act", "becomes"),
    [
        ("open", "acknowledge", "acknowledged"),
        ("reopened", "acknowledge", "acknowledged"),
        ("acknowledged", "mitigate", "mitigated"),
        ("open", "resolve", "resolved"),
        ("acknowledged", "resolve", "resolved"),
        ("mitigated", "reopen", "reopened"),
        ("resolved", "reopen", "reopened"),
    ],
)
def test_an_incident_moves_along_its_states_and_says_who_moved_it(
    status: str, act: str, becomes: str
) -> None:
    moved = move_incident(make_incident(status=status), act, ANA)  # type: ignore[arg-type]
    assert moved.status == becomes
    assert moved.timeline[-1] == {
        "at": NOW.isoformat(), "event": becomes, "by": "ana", "note": "looked into it",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "act"),
    [("resolved", "acknowledge"), ("resolved", "mitigate"), ("open", "reopen")],
)
def test_other_moves_are_refused(status: str, act: str) -> None:
    with pytest.raises(ConflictError, match=f"inc-1 is {status}"):
        move_incident(make_incident(status=status), act, ANA)  # type: ignore[arg-type]


def test_mitigated_stays_until_a_linked_long_term_fix_has_landed() -> None:
    mitigated = move_incident(make_incident(), "mitigate", ANA)
    with pytest.raises(ConflictError, match="link the long-term fix"):
        move_incident(mitigated, "resolve", ANA)
    planned = link_fix(mitigated, "https://tickets.example/7", ANA, landed=False)
    with pytest.raises(ConflictError, match="--landed"):
        move_incident(planned, "resolve", ANA)
    landed = link_fix(planned, "https://tickets.example/7", ANA, landed=True)
    assert landed.links == ({"url": "https://tickets.example/7", "state": "landed"},)
    assert move_incident(landed, "resolve", ANA).status == "resolved"
    assert [line["event"] for line in landed.timeline] == ["mitigated", "fix_linked", "fix_landed"]


@pytest.mark.parametrize("url", ["", "two words", "x" * 501])
def test_a_link_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="link"):
        link_fix(make_incident(), url, ANA, landed=False)


def test_only_what_was_resolved_lately_comes_back_and_pages_once_a_day() -> None:
    resolved = move_incident(make_incident(), "resolve", ANA)
    assert comes_back(resolved, at=NOW + timedelta(days=7))
    assert not comes_back(resolved, at=NOW + timedelta(days=8))
    assert not comes_back(make_incident(status="resolved"), at=NOW)
    paged = replace(resolved, timeline=({"at": NOW.isoformat(), "event": "paged"},))
    assert not may_tell(paged, "paged", at=NOW + timedelta(hours=24))
    assert may_tell(paged, "paged", at=NOW + timedelta(hours=25))


def finding(metric: str, slice_: dict[str, str], change: float, **evidence: object) -> Finding:
    return Finding(
        audit="null_default_share",
        finding_id="f",
        component="item_features",
        metric=metric,
        subject="year",
        slice=slice_,
        baseline=0.1,
        observed=0.1 + change,
        effect=change,
        effect_floor=0.02,
        p_value=0.0,
        alarm=True,
        evidence=evidence,
    )


def test_slices_are_ranked_by_their_part_of_the_whole_change() -> None:
    whole = finding("null_share", {}, 0.10, window_weight=1_000.0, share_of_window=1.0)
    small = finding("null_share", {"source": "s-1"}, 0.80, share_of_window=0.025)
    large = finding("null_share", {"source": "s-2"}, 0.20, share_of_window=0.4)
    other = finding("zero_share", {"source": "s-3"}, 0.90, share_of_window=0.5)
    ranked = rank_contributions([whole, small, large, other])
    assert [(one["slice"], one["share"]) for one in ranked] == [
        ({"source": "s-2"}, 0.8),
        ({"source": "s-1"}, 0.2),
    ]
    assert rank_contributions([small, large])[0]["share"] == 0.8
    assert rank_contributions([whole]) == []


def test_a_category_is_the_whole_of_which_suppliers_have_their_parts() -> None:
    gone = replace(finding("category_vanished", {"year": "1999"}, -0.1), subject="year")
    part = finding("category_vanished", {"source": "s-1", "year": "1999"}, -0.2,
                   share_of_window=0.25)  # fmt: skip
    other = finding("category_vanished", {"source": "s-1", "year": "2001"}, -0.2,
                    share_of_window=0.25)  # fmt: skip
    [ranked] = rank_contributions([gone, part, other])
    assert (ranked["slice"], ranked["share"]) == ({"source": "s-1", "year": "1999"}, 0.5)


def test_whom_a_change_touches_is_its_part_of_the_weighted_rows() -> None:
    whole = finding("null_share", {}, 0.10, window_weight=1_000.0, share_of_window=1.0)
    assert estimate_affected([finding("x", {}, 0.1), whole]) == {
        "unit": "items", "estimate": 100, "of": 1000,
    }  # fmt: skip
    shifted = replace(whole, audit="score_drift", metric="mean_shift")
    assert estimate_affected([shifted]) == {"unit": "requests", "estimate": 1000, "of": 1000}
    assert estimate_affected([replace(whole, audit="rank_choices")]) == {}


def test_a_judgement_carries_what_can_be_plotted_and_the_size_of_its_slice() -> None:
    answer = [
        *rows({"null": (10, 500), "other": (990, 500)}, subject="year"),
        *rows({"null": (0, 300), "other": (300, 0)}, subject="year", slice_name="source=s-1"),
    ]
    judged = judge_rows(find_audit("null_default_share"), answer, context=context())
    by_slice = {str(check.slice): check.evidence for check in judged.findings}
    assert by_slice["{}"]["plot"] == {
        "of": "year", "slice": "all", "cells": ["null", "other"],
        "reference": [0.01, 0.99], "window": [0.5, 0.5],
    }  # fmt: skip
    assert by_slice["{'source': 's-1'}"]["share_of_window"] == pytest.approx(0.3)
    assert by_slice["{'source': 's-1'}"]["window_weight"] == pytest.approx(300.0)


def test_only_the_first_checks_carry_plots_and_a_cell_is_found_by_its_name() -> None:
    found = read_distributions(rows({"none": (90, 50), "throttled": (10, 50)}, subject="fallback"))
    made = Check("fallback_share", "throttled", {}, 0.1, 0.5, 0.4, 0.02, 0.0)
    shown = list(attach_evidence([made] * (KEPT_PLOTS + 1), found))
    assert ["plot" in check.evidence for check in shown] == [True] * KEPT_PLOTS + [False]
    [stranger] = attach_evidence([replace(made, subject="unheard")], found)
    assert stranger.evidence == {}


def test_similar_incidents_are_the_most_alike_with_how_they_ended() -> None:
    drift = replace(finding("category_vanished", {"language": "ja"}, 0.4), audit="feature_drift")
    incident = make_incident(findings=(drift,))
    twin = make_incident("inc-twin", findings=(drift,), detected_at=NOW - timedelta(days=30),
                         timeline=(ANA.to_line("resolved"),))  # fmt: skip
    cousin = make_incident("inc-cousin", detected_at=NOW - timedelta(days=9))
    stranger = make_incident(
        "inc-stranger", component="traffic", subject="home", detected_at=NOW - timedelta(days=3),
        findings=(replace(drift, audit="volume", slice={"hour": "3"}),),
    )  # fmt: skip
    later = make_incident("inc-later", findings=(drift,), detected_at=NOW + timedelta(days=1))
    found = find_similar(incident, [incident, stranger, cousin, twin, later])
    assert [(one.incident_id, one.likeness) for one in found] == [
        ("inc-twin", 1.0),
        ("inc-cousin", 0.5),
    ]
    assert found[0].ended == "resolved: looked into it"
    assert found[1].ended == "nothing is written about how it ended"
    assert likeness(incident, incident) == pytest.approx(1.0)
