"""The workflow `audit`: rank choices, check models, plan, ask and judge each audit, record.

A part that fails does not silence the others: it becomes a judgement that says it failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from constructs import Construct

from infra.components.acknowledgements import acknowledge_wildcards
from infra.components.lake import (
    DATABASE,
    QUERY_ACTIONS,
    READ_CATALOGUE_ACTIONS,
    RESULTS,
    WORKGROUP,
    Lake,
)
from infra.components.python_function import PythonFunction
from infra.components.state_machine import Workflow
from infra.components.states import (
    ATHENA_TROUBLE,
    RUN,
    State,
    catch_all,
    invoke,
    retry,
    wait_in_line,
)
from infra.settings import StageSettings

AUDITED_TABLES = (
    "slim_requests",
    "full_requests",
    "similar_requests",
    "feedback",
    "consumer_logs",
    "choice_ranks",
    "launch_ranks",
    "replayed_requests",
    "model_profiles",
    "item_snapshots",
)

QUERY_SECONDS = 900


class AuditWorkflow(Workflow):
    """Input: {} or {window_start, window_end, reference_start, reference_end} as ISO strings;
    a scheduled run says its cadence (`every`) and revision too."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, PythonFunction],
        lake: Lake,
        settings: StageSettings,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            definition=define_audit(concurrency=settings.audit_concurrency),
            functions=functions,
            names={"athena_workgroup": WORKGROUP, "glue_database": DATABASE},
            settings=settings,
        )
        self._allow_querying(lake)

    def allow_starting(self, function: PythonFunction) -> None:
        """Let a function start audits; Step Functions takes each name once."""
        function.know("AUDIT_STATE_MACHINE_ARN", self.state_machine.state_machine_arn)
        function.allow("states:StartExecution", on=[self.state_machine.state_machine_arn])

    def _allow_querying(self, lake: Lake) -> None:
        bucket = lake.store.bucket
        prefixes = [f"{table}/" for table in AUDITED_TABLES]
        self.allow(*QUERY_ACTIONS, on=[lake.workgroup_arn])
        self.allow("athena:GetDataCatalog", on=[lake.data_catalogue_arn])
        self.allow(*READ_CATALOGUE_ACTIONS, on=lake.catalogue_arns(AUDITED_TABLES))
        self.allow("s3:GetBucketLocation", "s3:ListBucket", on=[bucket.bucket_arn])
        self.allow("s3:GetObject", on=[bucket.arn_for_objects(f"{p}*") for p in prefixes])
        self.allow(
            *("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
            on=[bucket.arn_for_objects(f"{RESULTS}*")],
        )
        acknowledge_wildcards(
            self.role,
            [lake.store.spell(prefix) for prefix in (*prefixes, RESULTS)],
            because="Athena reads whole partitions and names its result objects by query id.",
        )


def define_audit(*, concurrency: int) -> State:
    """Write the workflow in Amazon States Language with ${function} placeholders."""
    return {
        "Comment": "Detect: ask the lake, judge the answers, record what is wrong.",
        "QueryLanguage": "JSONata",
        "StartAt": "RankChoices",
        "States": {
            "RankChoices": _rank_choices(),
            "CheckModels": _check_models(),
            "PlanAudits": _plan_audits(),
            "JudgeEachAudit": _judge_each_audit(concurrency),
            "RecordIncidents": _record_incidents(),
        },
    }


def _rank_choices() -> State:
    return {
        **invoke("rank_choices", payload=RUN),
        "Assign": {"troubles": []},
        "Catch": catch_all("CheckModels", Assign={"troubles": [_failed("'rank_choices'")]}),
        "Next": "CheckModels",
    }


def _check_models() -> State:
    failed = (
        "{% $append($troubles, {'audit': 'check_models', 'status': 'audit_failed',"
        " 'error': $states.errorOutput.Error,"
        " 'cause': $substring($states.errorOutput.Cause, 0, 1000), 'findings': []}) %}"
    )
    return {
        **invoke("check_models", payload=RUN),
        "Catch": catch_all("PlanAudits", Assign={"troubles": failed}),
        "Next": "PlanAudits",
    }


def _plan_audits() -> State:
    unplanned = {
        "run_id": "{% $states.context.Execution.Name %}",
        "window": "{% $states.context.Execution.Input %}",
    }
    return {
        **invoke("plan_audits", payload=RUN),
        "Assign": {
            "run_id": "{% $states.result.Payload.run_id %}",
            "window": "{% $states.result.Payload.window %}",
        },
        "Catch": catch_all("RecordIncidents", Assign=unplanned, Output=[_failed("'plan_audits'")]),
        "Next": "JudgeEachAudit",
    }


def _judge_each_audit(concurrency: int) -> State:
    return {
        "Type": "Map",
        "Items": "{% $states.input.audits %}",
        "MaxConcurrency": concurrency,
        "ItemSelector": {
            "run_id": "{% $run_id %}",
            "window": "{% $states.context.Map.Item.Value.window %}",
            "audit": "{% $states.context.Map.Item.Value.audit %}",
            "sql": "{% $states.context.Map.Item.Value.sql %}",
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "AskAthena",
            "States": {
                "AskAthena": _ask_athena(),
                "JudgeAudit": _judge_audit(),
                "SayAuditFailed": {"Type": "Pass", "End": True},
            },
        },
        "Next": "RecordIncidents",
    }


def _ask_athena() -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
        "Arguments": {
            "QueryString": "{% $states.input.sql %}",
            "QueryExecutionContext": {"Database": "${glue_database}"},
            "WorkGroup": "${athena_workgroup}",
        },
        "Output": {
            "run_id": "{% $states.input.run_id %}",
            "window": "{% $states.input.window %}",
            "audit": "{% $states.input.audit %}",
            "query_execution_id": "{% $states.result.QueryExecution.QueryExecutionId %}",
        },
        "TimeoutSeconds": QUERY_SECONDS,
        "Retry": [retry(*ATHENA_TROUBLE, seconds=5, attempts=4)],
        "Catch": catch_all("SayAuditFailed", Output=_failed("$states.input.audit")),
        "Next": "JudgeAudit",
    }


def _judge_audit() -> State:
    return {
        **invoke("judge_audit", payload="{% $states.input %}"),
        "Catch": catch_all("SayAuditFailed", Output=_failed("$states.input.audit")),
        "End": True,
    }


def _record_incidents() -> State:
    payload = {
        "run_id": "{% $run_id %}",
        "window": "{% $window %}",
        "judgements": "{% $append($troubles, $states.input) %}",
    }
    task = invoke("record_incidents", payload=payload)
    retriers = cast("list[State]", task["Retry"])
    # the first retrier that names an error decides
    return {**task, "Retry": [wait_in_line(), *retriers], "End": True}


def _failed(audit: str) -> State:
    """Say in JSONata that an audit failed, in the shape of a judgement."""
    return {
        "audit": f"{{% {audit} %}}",
        "status": "audit_failed",
        "error": "{% $states.errorOutput.Error %}",
        # Athena repeats the whole query in its cause
        "cause": "{% $substring($states.errorOutput.Cause, 0, 1000) %}",
        "findings": [],
    }
