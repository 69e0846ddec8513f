"""What handlers do beyond their answer: metrics, logs, work after the response, outages."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from recsysops.adapters.memory import MemoryRegistry
from recsysops.errors import DependencyError
from recsysops.model.artefact import artefact_key
from recsysops.model.delta import POINTER_KEY
from recsysops.vocabulary import FlagDocument
from recsysops.workflows.load_catalogue import read_delta_pointer

from tests.integration.functions.handlers import CONTEXT, EVENTS, ROOT, loaded_handler
from tests.integration.functions.memory_stack import MemoryStack, make_stack


def event_of(function: str, case: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / function / f"{case}.json").read_text())
    return event


def recommend(stack: MemoryStack, *cases: str) -> list[dict[str, Any]]:
    with loaded_handler("recommend_items", stack.ports) as module:
        answers = [module.handle(event_of("recommend_items", case), CONTEXT) for case in cases]
    return [json.loads(answer["body"]) for answer in answers]


def metric_lines(text: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, text.splitlines()) if "_aws" in line]


CHECKS = ("members", "delta", "model", "feedback_log", "flags")


def forget_model(stack: MemoryStack) -> None:
    model_id = stack.world.artefact.model_id
    stack.world.blobs.objects.pop(artefact_key(model_id, "manifest.json"))


class BrokenStore:
    """Every method fails as a service would."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise DependencyError(f"{name}: ThrottlingException: slow down")

        return fail


def test_each_request_has_one_line_of_metrics_and_the_fallback_share_is_their_average(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recommend(make_stack(), "200-known-member", "200-unknown-member-gets-popularity")
    lines = metric_lines(capsys.readouterr().out)
    assert [line["Fallback"] for line in lines] == [[0.0], [1.0]]
    assert {line["service"] for line in lines} == {"recommend_items"}
    assert all(line["LatencyMs"][0] > 0 for line in lines)
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines} == {"RecSysOps"}


def test_a_refused_flag_document_shows_in_the_metrics_and_in_the_slim_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack = make_stack()
    stack.world.flags.document = FlagDocument(version="good", rejected="bad")
    recommend(stack, "200-known-member")
    assert metric_lines(capsys.readouterr().out)[0]["FlagsRejected"] == [1.0]
    assert stack.world.slim()[0].flag_rejected == "bad"


def test_the_request_id_of_the_answer_is_the_one_logged_and_names_no_member() -> None:
    stack = make_stack()
    answer = recommend(stack, "200-known-member")[0]
    assert answer["request_id"] == CONTEXT.aws_request_id
    (slim,) = stack.world.slim()
    assert slim.request_id == CONTEXT.aws_request_id
    assert slim.member != "m1"


def test_a_scorer_that_finds_no_model_answers_with_the_packaged_list_and_says_so(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    stack = make_stack()
    stack.world.blobs.objects.pop(POINTER_KEY)
    (answer,) = recommend(stack, "200-known-member")
    assert (answer["fallback_step"], answer["fallback_reason"]) == (
        "packaged_list", "no_catalogue",
    )  # fmt: skip
    assert len(answer["items"]) == 10
    (record,) = caplog.records
    assert record.message == "could not load"
    assert POINTER_KEY in vars(record)["reason"]
    (line,) = metric_lines(capsys.readouterr().out)
    assert line["LoadProblems"] == [1.0]
    assert line["FallbackBecause_no_catalogue"] == line["FallbackTo_packaged_list"] == [1.0]


def test_re_timed_traffic_is_refused_where_the_stage_does_not_take_it() -> None:
    stack = make_stack(accept_retimed=False)
    (answer,) = recommend(stack, "200-re-timed-traffic")
    assert answer["problems"][0]["path"] == "event_time"
    assert stack.world.slim() == []


def test_the_work_after_a_response_is_asked_for_also_when_the_request_was_refused() -> None:
    stack, asked = make_stack(), []
    with loaded_handler("recommend_items", stack.ports) as module:

        class Counting:
            def request_done(self) -> None:
                asked.append(1)

            def stop(self) -> None:
                """Nothing runs."""

        module.SCORER.after.stop()
        object.__setattr__(module.SCORER, "after", Counting())
        for case in ("200-known-member", "422-body-is-missing"):
            module.handle(event_of("recommend_items", case), CONTEXT)
    assert len(asked) == 2


def test_feedback_that_cannot_be_made_durable_is_not_accepted() -> None:
    stack = make_stack()
    stack.ports.feedback_log = BrokenStore()
    before = stack.world.members.get("m1")
    with loaded_handler("record_feedback", stack.ports) as module:
        answer = module.handle(event_of("record_feedback", "200-one-play"), CONTEXT)
    assert answer["statusCode"] == 503
    assert json.loads(answer["body"])["error"] == "dependency_failed"
    assert stack.world.members.get("m1") == before


def test_accepted_feedback_is_durable_and_the_item_is_seen() -> None:
    stack = make_stack()
    with loaded_handler("record_feedback", stack.ports) as module:
        module.handle(event_of("record_feedback", "200-one-play"), CONTEXT)
    (row,) = stack.feedback.rows("feedback")
    assert (row["event_id"], row["item_id"], row["kind"]) == ("e-1", "i0007", "play")
    member = stack.world.members.get("m1")
    assert member is not None
    assert member.seen[-1] == "i0007"


@pytest.mark.parametrize(
    ("break_it", "names"),
    [
        (lambda stack: setattr(stack.ports, "members", BrokenStore()), "members"),
        (lambda stack: stack.world.blobs.objects.pop(POINTER_KEY), "delta model"),
        (lambda stack: setattr(stack.ports, "feedback_log", BrokenStore()), "feedback_log"),
        (forget_model, "model"),
        (lambda stack: setattr(stack.world.flags, "document", FlagDocument("v", "bad")), "flags"),
    ],
)
def test_health_is_503_and_names_what_cannot_be_read_but_not_why(break_it: Any, names: str) -> None:
    stack = make_stack()
    break_it(stack)
    with loaded_handler("check_health", stack.ports) as module:
        answer = module.handle(event_of("check_health", "200-all-well"), CONTEXT)
    body = json.loads(answer["body"])
    assert answer["statusCode"] == 503
    assert body == {
        "status": "failed",
        "checks": {**dict.fromkeys(CHECKS, "ok"), **dict.fromkeys(names.split(), "failed")},
    }


def test_health_reports_a_setting_that_is_missing_as_a_failed_check() -> None:
    stack = make_stack()
    del stack.ports.flags
    with loaded_handler("check_health", stack.ports) as module:
        answer = module.handle(event_of("check_health", "200-all-well"), CONTEXT)
    assert json.loads(answer["body"])["checks"]["flags"] == "failed"


def test_changed_items_are_published_and_pointed_to() -> None:
    stack = make_stack()
    with loaded_handler("publish_delta", stack.ports) as module:
        first = module.handle(event_of("publish_delta", "ok-items-changed"), None)
        again = module.handle(event_of("publish_delta", "ok-as-of-a-moment"), None)
    pointer = read_delta_pointer(stack.world.blobs)
    assert again["as_of"] == "2026-03-02T06:00:00+00:00"
    assert first["delta_id"] != again["delta_id"] == pointer.delta_id
    assert pointer.as_of == datetime(2026, 3, 2, 6, tzinfo=UTC)


def test_items_that_come_before_the_first_model_do_not_block_the_stream() -> None:
    stack = make_stack()
    stack.ports.registry = MemoryRegistry()
    before = stack.world.blobs.get(POINTER_KEY)
    with loaded_handler("publish_delta", stack.ports) as module:
        answer = module.handle(event_of("publish_delta", "ok-items-changed"), None)
    assert answer["delta_id"] is None
    assert stack.world.blobs.get(POINTER_KEY) == before


def test_the_audit_steps_hand_over_to_each_other_as_the_state_machine_does() -> None:
    stack = make_stack()
    with loaded_handler("plan_audits", stack.ports) as module:
        plan = module.handle(event_of("plan_audits", "ok-explicit-window"), None)
    window, judgements = plan["window"], []
    with loaded_handler("judge_audit", stack.ports) as module:
        for planned in plan["audits"]:
            stack.ports.queries.results = lambda _, sql=planned["sql"]: stack.lake.run(sql)
            task = {**planned, "query_execution_id": "q"}
            judgements.append(module.handle(json.loads(json.dumps(task)), None))
    assert {one["status"] for one in judgements} <= {"judged", "could_not_judge"}
    with loaded_handler("record_incidents", stack.ports) as module:
        task = {"run_id": plan["run_id"], "window": window, "judgements": judgements}
        report = module.handle(json.loads(json.dumps(task)), None)
    assert report["run_id"] == plan["run_id"]
    assert report["tested"] > 0


def test_a_cause_becomes_one_incident_and_one_page_also_when_the_step_is_repeated() -> None:
    stack = make_stack()
    with loaded_handler("record_incidents", stack.ports) as module:
        first = module.handle(event_of("record_incidents", "ok-one-cause"), None)
        again = module.handle(event_of("record_incidents", "ok-one-cause"), None)
    assert first["opened"] == again["opened"]
    (incident,) = stack.incidents.list_incidents("open")
    assert incident.subject == "language"
    assert len(stack.notifier.messages) == 1


def test_a_run_whose_findings_could_not_be_recorded_leaves_its_window_due() -> None:
    stack = make_stack()
    task = event_of("record_incidents", "ok-one-cause")
    task["window"]["every"] = "day"
    book, stack.ports.incidents = stack.ports.incidents, BrokenStore()
    with loaded_handler("record_incidents", stack.ports) as module:
        with pytest.raises(DependencyError):
            module.handle(task, None)
        assert stack.ports.progress.load().cadences == {}
        stack.ports.incidents = book
        module.handle(task, None)
    assert set(stack.ports.progress.load().cadences) == {"day"}


def test_an_audit_that_is_late_is_told_by_the_run_that_finds_it_so() -> None:
    stack = make_stack()
    task = event_of("record_incidents", "ok-nothing-found")
    with loaded_handler("record_incidents", stack.ports) as module:
        assert "status" not in str(module.handle(task, None)["unjudged"])
        for edge, moment in (("start", "2026-03-06"), ("end", "2026-03-07")):
            task["window"][f"window_{edge}"] = f"{moment}T00:00:00+00:00"
        assert "score_drift" in module.handle(task, None)["unjudged"]


FORBIDDEN = ("pandas", "scipy", "sklearn", "pyarrow", "duckdb", "matplotlib", "implicit", "typer")

COLD_START = """
import importlib.util, json, sys, time
from types import SimpleNamespace
spec = importlib.util.spec_from_file_location("handler", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
answer = module.handle(json.load(open(sys.argv[2])), SimpleNamespace(aws_request_id="r-1"))
print(json.dumps({"answer": answer, "modules": sorted({m.partition(".")[0] for m in sys.modules}),
    "adapters": sorted(m for m in sys.modules if m.startswith("recsysops.adapters."))}))
"""


def test_a_cold_scorer_whose_services_are_all_out_still_answers_and_imports_no_more_than_it_needs():
    names = ("members_table", "artefact_bucket", "slim_stream", "full_stream", "shadow_stream",
             "similar_stream",
             "appconfig_application_id", "hotfixes_environment_id", "hotfixes_profile_id",
             "model_environment_id", "model_profile_id", "sampling_environment_id",
             "sampling_profile_id")  # fmt: skip
    environment = {
        **{f"RECSYSOPS_{name.upper()}": f"a-{name.replace('_', '-')}" for name in names},
        "RECSYSOPS_STAGE": "aws",
        "RECSYSOPS_ENDPOINT": "http://127.0.0.1:1",
        "POWERTOOLS_SERVICE_NAME": "recommend_items",
        "PATH": "",
    }
    handler = ROOT / "functions" / "recommend_items" / "handler.py"
    event = EVENTS / "recommend_items" / "200-known-member.json"
    ran = subprocess.run(
        [sys.executable, "-c", COLD_START, str(handler), str(event)],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    told = json.loads(ran.stdout.splitlines()[-1])
    body = json.loads(told["answer"]["body"])
    assert told["answer"]["statusCode"] == 200
    assert (body["status"], body["fallback_reason"]) == ("fallback", "no_catalogue")
    assert not set(FORBIDDEN) & set(told["modules"])
    unneeded = ("athena", "dynamodb_items", "sns", "stepfunctions", "appconfig_deployer", "memory")
    assert [m for m in told["adapters"] if any(word in m for word in unneeded)] == []
