"""Each step of an incident passes only by what the stage and fresh processes say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from recsysops.cli.story.scene import Scene
from recsysops.cli.story.steps import incident
from recsysops.cli.story.steps.incident import (
    deploy,
    detect,
    diagnose,
    preview,
    recover,
    replay,
)
from recsysops.errors import CouldNotJudge, DependencyError, NotFound
from recsysops.simulation.faults import FaultTruth
from recsysops.vocabulary import Incident
from recsysops.workflows.verify_recovery import Recovery

from tests.fakes.broken_world import make_incident
from tests.fakes.told_stage import ScriptedCli, ToldStage, make_scene, make_stage_ports, make_world

DAYS = make_world().stretches
ITEMS = ("i0001", "i0002")
INPUT = FaultTruth("language_misconfigured", "input", "item_features", "language", item_ids=ITEMS)
MODEL = FaultTruth("wrong_model_pinned", "model", "model", "model_id", model_id="m-old")
FOUND: dict[str, Any] = {
    "verdict": "input",
    "component": "item_features",
    "feature": "language",
    "model_id": "",
    "item_ids": list(ITEMS),
    "summary": "language of 2 items",
    "two_by_two": {},
    "slices": [],
    "evidence": {
        "queries": [{"name": "q", "sql": "SELECT 1"}],
        "deltas": {"before": "d-1", "now": "d-2"},
        "models": {"before": "m-new", "now": "m-new"},
    },
}
PREVIEWED: dict[str, Any] = {
    "hotfix": {"hotfix_id": "override-language"},
    "replayed": 20,
    "order": {"requests_touched": 0.07},
    "expected": {"difference": {"value": 1.0, "low": -7.2, "high": 9.5}},
    "refusal": "",
    "trade_off": "stale",
    "undo": "recsysops hotfix undo override-language",
}


@pytest.fixture
def stage() -> ToldStage:
    return ToldStage(make_stage_ports())


def play(stage: ToldStage, *, cli: Mapping[str, object] | None = None, **changes: object) -> Scene:
    """A scene in the middle of an incident, in which commands answer as told."""
    plain = {"truth": INPUT, "incident_id": "inc-0123456789"}
    answers = ScriptedCli(**(cli or {}))  # type: ignore[arg-type]
    return make_scene(stage, **{**plain, "ask_cli": answers, **changes})


@pytest.fixture
def break_nothing(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The fault is not really injected; the truth is as told here."""
    asked: dict[str, object] = {}
    truths = {"language_misconfigured": INPUT, "wrong_model_pinned": MODEL}

    def inject(_: object, fault: str, **named: object) -> FaultTruth:
        asked.update(fault=fault, **named)
        return truths.get(fault, FaultTruth("none", "could_not_judge", "serving", ""))

    monkeypatch.setattr(incident, "inject_fault", inject)
    return asked


def test_the_most_severe_incident_of_the_broken_day_is_followed(
    stage: ToldStage, break_nothing: dict[str, object]
) -> None:
    broken = DAYS["broken"].window
    low = make_incident(incident_id="inc-a", severity="low")
    high = make_incident(incident_id="inc-b", severity="high", title="language vanished")
    stage.opened[broken.start] = [low, high]
    scene = play(stage, truth=None, incident_id="")
    done = detect(scene)
    assert (done.ok, done.summary) == (True, "inc-b: language vanished")
    assert (scene.incident_id, scene.truth) == ("inc-b", INPUT)
    assert break_nothing["at"] == broken.start
    assert (stage.published, stage.sent) == ([broken.start], [broken])
    assert set(scene.moments) == {"broken", "detected"}


def test_a_fault_that_no_audit_finds_is_a_failed_step_with_the_query_to_look_at(
    stage: ToldStage, break_nothing: dict[str, object]
) -> None:
    done = detect(play(stage))
    assert (done.ok, done.summary) == (False, "no incident was opened")
    assert "slim_requests" in str(done.evidence["query"])


def test_where_nothing_is_broken_silence_is_right_and_an_incident_is_wrong(
    stage: ToldStage, break_nothing: dict[str, object]
) -> None:
    assert detect(play(stage, fault="none")).ok
    stage.opened[DAYS["broken"].window.start] = [make_incident(title="a false alarm")]
    done = detect(play(stage, fault="none"))
    assert (done.ok, done.summary) == (False, "nothing was broken; a false alarm")


def test_traffic_of_a_wrong_model_waits_until_it_serves(
    stage: ToldStage, break_nothing: dict[str, object]
) -> None:
    detect(play(stage, fault="wrong_model_pinned"))
    assert stage.waited_for == [("", "m-old")]


def test_a_diagnosis_that_names_what_was_broken_is_right(stage: ToldStage) -> None:
    scene = play(stage, cli={"diagnose": FOUND})
    done = diagnose(scene)
    assert (done.ok, done.summary) == (True, "input: language of 2 items")
    assert done.evidence["named"] == {
        "component": "item_features", "what": "language", "items": 2,
    }  # fmt: skip
    assert done.evidence["queries"] == FOUND["evidence"]["queries"]
    assert scene.ask_cli.asked == [("diagnose", "inc-0123456789")]
    assert "diagnosed" in scene.moments


@pytest.mark.parametrize(
    "changes",
    [{"verdict": "model"}, {"feature": "genres"}, {"item_ids": ["i0001"]}, {"item_ids": None}],
)
def test_a_diagnosis_that_names_something_else_is_wrong(
    stage: ToldStage, changes: dict[str, object]
) -> None:
    assert not diagnose(play(stage, cli={"diagnose": {**FOUND, **changes}})).ok


def test_a_diagnosis_of_an_unknown_truth_is_never_right(stage: ToldStage) -> None:
    assert not diagnose(play(stage, cli={"diagnose": FOUND}, truth=None)).ok


def test_a_diagnosis_without_evidence_is_refused(stage: ToldStage) -> None:
    with pytest.raises(DependencyError, match="no 'evidence'"):
        diagnose(play(stage, cli={"diagnose": {**FOUND, "evidence": None}}))


@pytest.mark.parametrize(
    ("answer", "ok"),
    [
        ({"holds": True, "bit_equal": 322, "records": 322}, True),
        ({"holds": True, "bit_equal": 321, "records": 322}, False),
        ({"holds": False, "bit_equal": 322, "records": 322}, False),
    ],
)
def test_replay_must_repeat_every_record_of_the_broken_day(
    stage: ToldStage, answer: dict[str, object], ok: bool
) -> None:
    scene = play(stage, cli={"replay": answer})
    assert replay(scene).ok is ok
    window = DAYS["broken"].window
    assert scene.ask_cli.asked == [
        ("replay", "--from", window.start.isoformat(), "--to", window.end.isoformat())
    ]


def test_a_preview_says_what_is_touched_and_expected(stage: ToldStage) -> None:
    done = preview(play(stage, cli={"hotfix_preview": PREVIEWED}))
    assert done.ok
    assert done.summary == (
        "override-language: 7% of requests touched; "
        "plays per 1,000 requests +1.0 (90 % -7.2 to +9.5)"
    )


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({"expected": None, "refusal": "no support"}, True),
        ({"expected": None, "refusal": ""}, False),
        ({"replayed": 0}, False),
    ],
)
def test_a_preview_may_refuse_with_a_reason_but_not_say_nothing(
    stage: ToldStage, changes: dict[str, object], ok: bool
) -> None:
    done = preview(play(stage, cli={"hotfix_preview": {**PREVIEWED, **changes}}))
    assert done.ok is ok


def deployed_scene(stage: ToldStage, status: str) -> Scene:
    stage.ports.incidents.put(make_incident(status=status))
    return play(stage, cli={"hotfix_deploy": {"deployment_id": "1"}})


def test_a_deployment_counts_when_appconfig_says_complete_and_the_incident_is_mitigated(
    stage: ToldStage,
) -> None:
    stage.ports.hotfixes.deploy("{}", strategy="at-once", note="")
    done = deploy(deployed_scene(stage, "mitigated"))
    assert (done.ok, done.summary) == (True, "deployment 1 is complete; incident is mitigated")


def test_a_deployment_that_never_completes_fails_after_our_patience(stage: ToldStage) -> None:
    stage.ports.hotfixes.deploy("{}", strategy="staged", note="")
    scene = deployed_scene(stage, "mitigated")
    done = deploy(scene)
    assert (done.ok, done.evidence["appconfig"]["state"]) == (False, "DEPLOYING")
    assert scene.monotonic() == pytest.approx(60.0)


def test_an_incident_that_nobody_marked_as_mitigated_fails(stage: ToldStage) -> None:
    stage.ports.hotfixes.deploy("{}", strategy="at-once", note="")
    assert not deploy(deployed_scene(stage, "open")).ok


def mended(incident: Incident = make_incident()) -> Incident:  # noqa: B008 - frozen
    return replace(incident, status="mitigated", diagnosis=FOUND)


def recover_with(
    stage: ToldStage, monkeypatch: pytest.MonkeyPatch, recovery: Recovery
) -> dict[str, object]:
    """Let every comparison with the world without the fault come out so; returns what it got."""
    asked: dict[str, object] = {}

    def verify(records: object, **named: object) -> Recovery:
        asked.update(named, records=records)
        return recovery

    monkeypatch.setattr(incident, "verify_recovery", verify)
    monkeypatch.setattr(incident, "read_full_records", lambda _, window: [window])
    stage.ports.incidents.put(mended())
    return asked


def test_members_who_get_what_they_would_have_got_are_a_recovery(
    stage: ToldStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = recover_with(stage, monkeypatch, Recovery(records=9, protected=9, as_before=9))
    done = recover(play(stage))
    window = DAYS["recovered"].window
    assert done.ok
    assert "9 of 9 logged rankings" in done.summary
    assert asked["records"] == [window]
    assert (asked["item_ids"], asked["good_delta_id"], asked["good_model_id"]) == (
        ITEMS, "d-1", "m-new",
    )  # fmt: skip
    assert (stage.published, stage.sent) == ([window.start], [window])


@pytest.mark.parametrize(
    "recovery",
    [Recovery(9, 9, 8), Recovery(9, 8, 9), Recovery(records=0, protected=0, as_before=0)],
)
def test_one_member_without_protection_or_with_another_ranking_is_no_recovery(
    stage: ToldStage, monkeypatch: pytest.MonkeyPatch, recovery: Recovery
) -> None:
    recover_with(stage, monkeypatch, recovery)
    assert not recover(play(stage)).ok


def test_a_new_incident_on_the_day_after_is_no_recovery(
    stage: ToldStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    recover_with(stage, monkeypatch, Recovery(9, 9, 9))
    stage.opened[DAYS["recovered"].window.start] = [make_incident(title="another")]
    done = recover(play(stage))
    assert not done.ok
    assert done.evidence["incidents"][0]["title"] == "another"


def test_upstream_does_not_mend_itself_before_the_day_after(
    stage: ToldStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    recover_with(stage, monkeypatch, Recovery(9, 9, 9))
    untouched: list[object] = []
    monkeypatch.setattr(
        "recsysops.cli.story.scene.write_nightly_batches",
        lambda *_, **named: untouched.append(named["untouched"]),
    )
    recover(play(stage))
    assert untouched == [ITEMS]


def test_a_day_without_records_cannot_be_judged(stage: ToldStage) -> None:
    stage.ports.incidents.put(mended())
    with pytest.raises(CouldNotJudge):
        recover(play(stage))


def test_an_incident_that_vanished_is_an_error_of_ours(stage: ToldStage) -> None:
    with pytest.raises(NotFound):
        recover(play(stage))
