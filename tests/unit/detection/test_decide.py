"""What raises an alarm: significant after control of false discoveries AND above the floor."""

import json
from dataclasses import replace

import pytest
from recsysops.detection.catalogue import find_audit
from recsysops.detection.checks import Judgement
from recsysops.detection.decide import decide_findings
from recsysops.detection.judge import judge_rows
from recsysops.detection.thresholds import KEPT_CHECKS

from tests.unit.detection.distributions import check, context, judgement, rows


def test_one_small_p_value_among_many_tests_is_no_alarm() -> None:
    assert decide_findings([judgement(check(1e-3), wholes=1)], context()).findings
    assert not decide_findings([judgement(check(1e-3), wholes=300)], context()).findings


def test_slices_must_be_surer_than_wholes() -> None:
    p_value = 1e-5
    wholes = judgement(check(p_value), wholes=100)
    slices = judgement(check(p_value, nested=True), wholes=0, slices=100)
    assert decide_findings([wholes], context()).findings
    assert not decide_findings([slices], context()).findings


def test_tests_of_every_audit_count_together() -> None:
    own = judgement(check(1e-4), wholes=10)
    assert decide_findings([own], context()).findings
    others = Judgement(audit="feature_drift", status="judged", tested_wholes=1_000)
    assert not decide_findings([own, others], context()).findings


def test_hourly_runs_are_stricter_than_daily_ones_and_later_revisions_stricter_still() -> None:
    levels = [
        decide_findings([], context(every_hours=hours, revision=revision)).alpha
        for hours, revision in ((24.0, 0), (1.0, 0), (1.0, 1))
    ]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] == pytest.approx(24 * levels[1]) == pytest.approx(48 * levels[2])


def test_a_finding_has_the_same_id_whenever_its_window_is_judged_again() -> None:
    one, again = (
        decide_findings([judgement(check(1e-9))], context(run_id=run)).findings[0]
        for run in ("monday", "tuesday")
    )
    later = decide_findings([judgement(check(1e-9))], context(revision=1)).findings[0]
    assert one.finding_id == again.finding_id != later.finding_id


@pytest.mark.parametrize(
    "document",
    [
        {"audit": "volume", "status": "could_not_judge", "reason": "the window is empty"},
        # what the state machine writes when Athena or the judge failed
        {"audit": "volume", "status": "audit_failed", "error": "States.TaskFailed",
         "cause": "SYNTAX_ERROR: line 1", "findings": []},
        {"audit": "rank_choices", "status": "audit_failed", "error": "Timeout", "cause": "late"},
    ],
)  # fmt: skip
def test_an_audit_that_gave_no_judgement_is_a_finding_about_serving(
    document: dict[str, object],
) -> None:
    failed = Judgement.model_validate(document)
    [found] = decide_findings([failed], context()).findings
    assert (found.component, found.subject, found.alarm) == ("serving", document["audit"], True)
    assert found.evidence["reason"] in (
        "the window is empty",
        "States.TaskFailed: SYNTAX_ERROR: line 1",
        "Timeout: late",
    )


def test_a_judgement_carries_what_may_alarm_and_counts_the_rest() -> None:
    answer = [
        *rows({"zero": (0, 900), "other": (9_000, 8_100)}, subject="year"),
        *rows({"null": (45, 46), "other": (8_955, 8_954)}, subject="price"),
    ]
    judged = judge_rows(find_audit("null_default_share"), answer, context=context(), query_id="q-1")
    assert (judged.status, judged.tested_wholes, len(judged.findings)) == ("judged", 2, 1)
    assert judged.query_id == "q-1"
    assert Judgement.model_validate_json(judged.model_dump_json()) == judged


def test_what_is_certain_but_too_small_to_matter_is_counted_and_not_carried() -> None:
    answer = rows({"zero": (0, 900), "other": (900_000, 899_100)}, subject="year")
    judged = judge_rows(find_audit("null_default_share"), answer, context=context())
    assert (judged.tested_wholes, judged.findings) == (1, ())


def test_slices_spend_half_of_the_level_as_wholes_do() -> None:
    alpha = decide_findings([], context()).alpha
    for nested in (True, False):
        for share, alarms in ((0.49, 1), (0.51, 0)):
            one = judgement(check(share * alpha, nested=nested), wholes=1, slices=1)
            assert len(decide_findings([one], context()).findings) == alarms


def test_a_judgement_stays_small_however_much_is_wrong() -> None:
    answer = [
        row
        for number in range(400)
        for row in rows(
            {"zero": (0, 900), "other": (9_000, 8_100)},
            subject="year",
            slice_name=f"genre=g{number}",
        )
    ]
    judged = judge_rows(find_audit("null_default_share"), answer, context=context())
    assert (judged.tested_slices, len(judged.findings)) == (400, KEPT_CHECKS)
    assert len(json.dumps(judged.model_dump(mode="json"))) < 28_000  # nine of them: 256 KiB


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ([], "could_not_judge"),
        ([{"label": "year=zero"}], "could_not_judge"),
        (rows({"other": (0, 500)}, subject="year"), "no_reference"),
        (rows({"other": (500, 0)}, subject="year"), "could_not_judge"),
        ([{**rows({"other": (5, 5)}, subject="year")[0], "groups": "0:inf:0"}], "could_not_judge"),
    ],
)
def test_bad_answers_are_never_a_pass_and_never_a_crash(
    answer: list[dict[str, object]], status: str
) -> None:
    judged = judge_rows(find_audit("null_default_share"), answer, context=context())
    assert judged.status == status
    assert judged.explain()


def test_what_is_logged_in_neither_period_is_told_and_is_no_finding() -> None:
    unused = replace(find_audit("null_default_share"), judge=lambda *_: [])
    judged = judge_rows(unused, [], context=context())
    assert (judged.status, judged.findings) == ("no_reference", ())
    assert judged.explain() == "neither period holds what it looks at"
    assert decide_findings([judged], context()).findings == ()
