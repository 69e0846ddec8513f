"""The state machines as written: what is tried again, what is caught, who is told."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.components.states import DEPENDENCY_TROUBLE

from .conftest import ROOT, Assembly, Resource

pytestmark = pytest.mark.xdist_group("infra")

State = dict[str, Any]


def definition(machine: Resource) -> State:
    parsed: State = json.loads(machine["Properties"]["DefinitionString"])
    return parsed


def audit(aws: Assembly) -> State:
    return definition(aws.one("AWS::StepFunctions::StateMachine", containing="Audit"))


def states(part: State) -> Iterator[tuple[str, State]]:
    for name, state in part["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def test_every_placeholder_is_filled_in(aws: Assembly) -> None:
    for machine in aws.resources("AWS::StepFunctions::StateMachine").values():
        properties = machine["Properties"]
        used = set(re.findall(r"\$\{(\w+)\}", properties["DefinitionString"]))
        assert used == set(properties["DefinitionSubstitutions"])


def test_every_task_is_tried_again_when_a_service_fails_but_not_on_our_own_bugs(
    aws: Assembly,
) -> None:
    for machine in aws.resources("AWS::StepFunctions::StateMachine").values():
        for name, state in states(definition(machine)):
            if state["Type"] == "Task":
                errors = {error for entry in state["Retry"] for error in entry["ErrorEquals"]}
                assert errors, name
                assert errors.isdisjoint({"States.ALL", "States.TaskFailed", "BadInput"}), name


def test_the_audits_run_in_the_order_of_the_house(aws: Assembly) -> None:
    machine = audit(aws)
    visited = [machine["StartAt"]]
    while "Next" in machine["States"][visited[-1]]:
        visited.append(machine["States"][visited[-1]]["Next"])
    assert visited == [
        "RankChoices",
        "CheckModels",
        "PlanAudits",
        "JudgeEachAudit",
        "RecordIncidents",
    ]


def test_a_failed_part_is_recorded_instead_of_ending_the_audit(aws: Assembly) -> None:
    """Only RecordIncidents may fail the execution: then an alarm pages."""
    for name, state in states(audit(aws)):
        if state["Type"] == "Task" and name != "RecordIncidents":
            (catcher,) = state["Catch"]
            assert catcher["ErrorEquals"] == ["States.ALL"], name


def test_a_judgement_carries_ids_and_not_rows(aws: Assembly) -> None:
    """The map's results stay far below the 256 KiB a state may hand on."""
    ask = dict(states(audit(aws)))["AskAthena"]
    assert set(ask["Output"]) == {"run_id", "window", "audit", "query_execution_id"}


def test_queries_run_in_the_workgroup(aws: Assembly) -> None:
    ask = dict(states(audit(aws)))["AskAthena"]
    assert ask["Resource"].endswith("athena:startQueryExecution.sync")
    assert ask["Arguments"]["WorkGroup"] == "${athena_workgroup}"


def retrier_of(task: State, error: str) -> State:
    """Return the first retrier that names an error: it alone decides."""
    found: State = next(one for one in task["Retry"] if error in one["ErrorEquals"])
    return found


def test_every_error_of_a_service_is_named_for_step_functions_compares_names_alone() -> None:
    classes = [
        (node.name, {getattr(base, "attr", getattr(base, "id", "")) for base in node.bases})
        for path in (ROOT / "layers").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    family = {"DependencyError", "ConflictError"}
    while grown := {name for name, bases in classes if bases & family} - family:
        family |= grown
    assert "DeadlineError" in family
    assert set(DEPENDENCY_TROUBLE) == family


def test_every_function_is_called_again_after_a_service_and_once_after_its_time(
    aws: Assembly,
) -> None:
    for machine in aws.resources("AWS::StepFunctions::StateMachine").values():
        for name, state in states(definition(machine)):
            if str(state.get("Resource")).endswith("lambda:invoke"):
                named = {error for entry in state["Retry"] for error in entry["ErrorEquals"]}
                assert named >= set(DEPENDENCY_TROUBLE), name
                assert retrier_of(state, "Sandbox.Timedout")["MaxAttempts"] == 1, name


def test_incidents_are_recorded_by_one_run_at_a_time_and_the_others_wait(aws: Assembly) -> None:
    alone = {
        name
        for name, part in aws.resources("AWS::Lambda::Function").items()
        if part["Properties"].get("ReservedConcurrentExecutions") == 1
    }
    (name,) = alone
    assert name.startswith("RecordIncidents")
    patience = retrier_of(
        audit(aws)["States"]["RecordIncidents"], "Lambda.TooManyRequestsException"
    )
    waits = [
        min(patience["IntervalSeconds"] * patience["BackoffRate"] ** n, patience["MaxDelaySeconds"])
        for n in range(patience["MaxAttempts"])
    ]
    # jitter draws each wait from zero to this: half on average
    assert 480 <= sum(waits) / 2 <= 900


def test_every_workflow_logs_and_traces_without_its_data(aws: Assembly) -> None:
    for machine in aws.resources("AWS::StepFunctions::StateMachine").values():
        logging = machine["Properties"]["LoggingConfiguration"]
        assert logging["Level"] == "ALL"
        assert logging["IncludeExecutionData"] is False
        assert machine["Properties"]["TracingConfiguration"] == {"Enabled": True}


def test_aws_starts_its_jobs_by_itself_and_keeps_failed_starts(aws: Assembly) -> None:
    schedules = aws.resources("AWS::Scheduler::Schedule")
    assert len(schedules) == 4
    for schedule in schedules.values():
        assert schedule["Properties"]["State"] == "ENABLED"
        assert "StartFailures" in str(schedule["Properties"]["Target"]["DeadLetterConfig"])


def test_the_laptop_starts_its_jobs_on_demand(laptop: Assembly) -> None:
    for schedule in laptop.resources("AWS::Scheduler::Schedule").values():
        assert schedule["Properties"]["State"] == "DISABLED"


def test_an_import_is_a_distributed_map_over_the_lines_of_the_file_named(aws: Assembly) -> None:
    machine = definition(aws.one("AWS::StepFunctions::StateMachine", containing="FeatureImport"))
    rows = machine["States"]["ImportRows"]
    assert rows["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert rows["ItemReader"]["ReaderConfig"] == {"InputType": "JSONL"}
    # JSONPath: the emulator takes a reader's JSONata literally
    assert rows["ItemReader"]["Parameters"]["Key.$"] == "$.key"
    assert rows["ItemBatcher"]["MaxItemsPerBatch"] == 100


def test_a_batch_that_a_service_failed_is_tried_again(aws: Assembly) -> None:
    machine = definition(aws.one("AWS::StepFunctions::StateMachine", containing="FeatureImport"))
    (batch,) = machine["States"]["ImportRows"]["ItemProcessor"]["States"].values()
    assert "DependencyError" in str(batch["Retry"])
