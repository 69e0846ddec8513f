"""The audit workflow executed: a part that fails becomes a judgement and silences nobody."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.components.audit_workflow import define_audit
from infra.local.clients import make_client
from infra.local.emulator import start_emulator, stop_emulator
from infra.local.layout import Layout
from infra.local.ports import find_free_port
from infra.settings import HOST_PYTHON

pytestmark = [pytest.mark.laptop, pytest.mark.xdist_group("infra-emulator")]

Record = dict[str, Any]
RunAudit = Callable[[Record], Record]

ROLE = "arn:aws:iam::000000000000:role/any"
STUBS = {
    "rank_choices": """
        if event.get("broken") == "rank_choices": raise ValueError("no model")
        return {"ranked": 7}""",
    "check_models": """
        if event.get("broken") == "check_models": raise ValueError("no artefact")
        return {"profiled": ["m-1"]}""",
    "plan_audits": """
        if event.get("broken") == "plan_audits": raise ValueError("no window")
        window = {"start": event.get("window_start", "default")}
        good = [{"audit": "volume", "sql": "SELECT 1 AS one", "window": window}]
        bad = [{"audit": "drift", "sql": "SELECT one FROM nowhere", "window": window}]
        return {"run_id": event["run_id"], "window": window,
                "audits": {"none": [], "one": good}.get(event.get("plan"), good + bad)}""",
    "judge_audit": """
        if event["window"]["start"] == "unjudgeable": raise ValueError("no rows")
        return {"audit": event["audit"], "findings": [], "asked": sorted(event)}""",
    "record_incidents": """
        return {"incident_ids": [], "findings": 0, "heard": event}""",
}


@pytest.fixture(scope="module")
def run_audit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunAudit]:
    """Run the workflow over stand-in functions; returns what record_incidents heard."""
    layout = Layout(root=tmp_path_factory.mktemp("workflows"))
    endpoint = start_emulator(layout, port=find_free_port()).endpoint
    try:
        machine = make_machine(endpoint)
        yield lambda event: execute(endpoint, machine, event)
    finally:
        stop_emulator(layout)


def make_machine(endpoint: str) -> str:
    make_client("s3", endpoint).create_bucket(Bucket="lake")
    make_client("athena", endpoint).create_work_group(
        Name="recsysops",
        Configuration={"ResultConfiguration": {"OutputLocation": "s3://lake/athena-results/"}},
    )
    text = json.dumps(define_audit(concurrency=2))
    names = {name: make_function(endpoint, name, body) for name, body in STUBS.items()}
    for name, value in {**names, "athena_workgroup": "recsysops", "glue_database": "x"}.items():
        text = text.replace(f"${{{name}}}", value)
    machines = make_client("stepfunctions", endpoint)
    arn: str = machines.create_state_machine(name="audit", definition=text, roleArn=ROLE)[
        "stateMachineArn"
    ]
    return arn


def make_function(endpoint: str, name: str, body: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("handler.py", f"def handle(event, context):{body}\n")
    arn: str = make_client("lambda", endpoint).create_function(
        FunctionName=name,
        Runtime=HOST_PYTHON,
        Handler="handler.handle",
        Role=ROLE,
        Code={"ZipFile": archive.getvalue()},
    )["FunctionArn"]
    return arn


def execute(endpoint: str, machine: str, event: Record) -> Record:
    client = make_client("stepfunctions", endpoint)
    arn = client.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"]
    while (run := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.05)
    assert run["status"] == "SUCCEEDED", run
    heard: Record = json.loads(run["output"])["heard"]
    return heard


def test_a_query_that_fails_is_a_judgement_beside_the_others(run_audit: RunAudit) -> None:
    volume, drift = run_audit({})["judgements"]
    assert volume["audit"] == "volume"
    assert volume["asked"] == ["audit", "query_execution_id", "run_id", "window"]
    assert (drift["audit"], drift["status"], drift["findings"]) == ("drift", "audit_failed", [])
    assert "nowhere" in drift["cause"]
    assert len(drift["cause"]) <= 1000


def test_a_single_audit_is_still_a_list(run_audit: RunAudit) -> None:
    assert [part["audit"] for part in run_audit({"plan": "one"})["judgements"]] == ["volume"]


def test_no_audits_at_all_is_an_empty_list(run_audit: RunAudit) -> None:
    assert run_audit({"plan": "none"})["judgements"] == []


def test_a_given_window_reaches_the_plan_and_the_run_has_an_id(run_audit: RunAudit) -> None:
    heard = run_audit({"plan": "one", "window_start": "2026-01-01T00:00:00Z"})
    assert heard["window"] == {"start": "2026-01-01T00:00:00Z"}
    assert heard["run_id"]


def test_audits_run_even_when_choices_cannot_be_ranked(run_audit: RunAudit) -> None:
    ranked, volume = run_audit({"plan": "one", "broken": "rank_choices"})["judgements"]
    assert (ranked["audit"], ranked["status"]) == ("rank_choices", "audit_failed")
    assert ranked["error"] == "ValueError"
    assert volume["audit"] == "volume"


def test_models_that_cannot_be_checked_are_told_and_the_audits_run(run_audit: RunAudit) -> None:
    checked, volume = run_audit({"plan": "one", "broken": "check_models"})["judgements"]
    assert (checked["audit"], checked["status"]) == ("check_models", "audit_failed")
    assert "no artefact" in checked["cause"]
    assert volume["audit"] == "volume"


def test_a_plan_that_fails_is_recorded(run_audit: RunAudit) -> None:
    (planned,) = run_audit({"broken": "plan_audits"})["judgements"]
    assert (planned["audit"], planned["error"]) == ("plan_audits", "ValueError")


def test_a_judge_that_fails_is_a_judgement_too(run_audit: RunAudit) -> None:
    (volume,) = run_audit({"plan": "one", "window_start": "unjudgeable"})["judgements"]
    assert (volume["audit"], volume["status"]) == ("volume", "audit_failed")
