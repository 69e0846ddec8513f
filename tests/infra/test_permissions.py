"""Least privilege: who may do what, read from the templates' policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from recsysops.detection.catalogue import AUDITS
from recsysops.request_log.tables import TABLES

from infra.components.audit_workflow import AUDITED_TABLES

from .conftest import Assembly

pytestmark = pytest.mark.xdist_group("infra")

ANY_RESOURCE = {
    "cloudwatch:DescribeAlarms",
    "dynamodb:ListStreams",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""Actions that AWS cannot limit to a resource."""


def statements(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, policy in assembly.resources("AWS::IAM::Policy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions_of(assembly: Assembly, function: str) -> set[str]:
    return {
        action
        for name, statement in statements(assembly)
        if name.startswith(f"{function}Role")
        for action in listed(statement["Action"])
    }


def grants_of(assembly: Assembly, function: str) -> set[tuple[str, str]]:
    """Return (action, resource) pairs, each resource as text."""
    return {
        (action, str(resource))
        for name, statement in statements(assembly)
        if name.startswith(f"{function}Role")
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def test_no_policy_allows_every_action_of_a_service(aws: Assembly) -> None:
    wide = [(name, a) for name, s in statements(aws) for a in listed(s["Action"]) if "*" in a]
    assert wide == []


def test_every_resource_is_named_unless_aws_cannot_name_one(aws: Assembly) -> None:
    for name, statement in statements(aws):
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= ANY_RESOURCE, name


def test_no_role_carries_a_managed_policy(aws: Assembly) -> None:
    for name, role in aws.resources("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role["Properties"], name


def test_nobody_deletes_data(aws: Assembly) -> None:
    deleting = [
        (name, a) for name, s in statements(aws) for a in listed(s["Action"]) if "Delete" in a
    ]
    assert {action for _, action in deleting} <= {"logs:DeleteLogDelivery"}


def test_the_recommender_reads_members_and_writes_only_logs(aws: Assembly) -> None:
    assert actions_of(aws, "RecommendItems") == {
        "appconfig:GetLatestConfiguration",
        "appconfig:StartConfigurationSession",
        "dynamodb:GetItem",
        "firehose:PutRecordBatch",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:ListBucket",
    }


def test_the_recommender_reads_no_flag_document_but_the_last_good_one(aws: Assembly) -> None:
    resources = [str(r) for a, r in grants_of(aws, "RecommendItems") if a == "s3:GetObject"]
    assert [r for r in resources if "/flags/" in r and "/flags/last_good.json" not in r] == []
    assert [r for r in resources if "/flags/last_good.json" in r]


def test_the_health_check_reads_no_model(aws: Assembly) -> None:
    resources = [str(r) for a, r in grants_of(aws, "CheckHealth") if a == "s3:GetObject"]
    assert [r for r in resources if "/deltas/" in r]
    assert [r for r in resources if "/artefacts/" in r] == []


@pytest.mark.parametrize("function", ["PutFeatures", "ImportFeatures"])
def test_whoever_writes_features_deletes_none_and_reads_only_manifests(
    aws: Assembly, function: str
) -> None:
    grants = grants_of(aws, function)
    writing = {action for action, _ in grants if action.startswith("dynamodb:")}
    assert writing == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
    resources = [resource for action, resource in grants if action == "s3:GetObject"]
    assert resources
    assert all("/artefacts/*/manifest.json" in resource for resource in resources)


def test_the_documents_function_may_do_nothing_but_log(aws: Assembly) -> None:
    assert actions_of(aws, "DescribeApi") == {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_consumers_reach_their_own_stream_alone(aws: Assembly) -> None:
    puts = [r for a, r in grants_of(aws, "RecordConsumerLogs") if a.startswith("firehose:")]
    assert len(puts) == 1
    assert "RequestLogConsumer" in puts[0]


def test_only_the_publisher_moves_what_is_served(aws: Assembly) -> None:
    writers = {
        name
        for name, statement in statements(aws)
        if "s3:PutObject" in listed(statement["Action"])
        and "/deltas/" in str(statement["Resource"])
    }
    assert [name.partition("Role")[0] for name in writers] == ["PublishDelta"]


def test_detection_sees_no_serving_table(aws: Assembly) -> None:
    """Audits judge from the lake, so that they cannot peek at what a fault changed.

    The registry says which models are approved; it serves nothing.
    """
    serving = [
        name
        for name in aws.resources("AWS::DynamoDB::Table")
        if "Incidents" not in name and "Models" not in name
    ]
    for function in ("RankChoices", "CheckModels", "PlanAudits", "JudgeAudit", "RecordIncidents"):
        for action, resource in grants_of(aws, function):
            assert not any(table in resource for table in serving), (function, action, resource)


def test_detection_and_prediction_cannot_read_flags(aws: Assembly) -> None:
    for function in ("RankChoices", "CheckModels", "PlanAudits", "JudgeAudit", "PredictLaunches"):
        assert not [a for a in actions_of(aws, function) if a.startswith("appconfig:")]


def test_every_function_knows_only_what_it_may_touch(aws: Assembly) -> None:
    """Names and rights are given by the same call; none of the two comes alone."""
    for name, function in aws.resources("AWS::Lambda::Function").items():
        owner = name.partition("Function")[0]
        resources = str([resource for _, resource in grants_of(aws, owner)])
        for variable, value in function["Properties"]["Environment"]["Variables"].items():
            if isinstance(value, dict) and variable != "RECSYSOPS_REGION":
                logical_id = value.get("Ref") or value["Fn::GetAtt"][0]
                assert logical_id in resources, f"{owner} knows {variable} but may not touch it"


def test_trust_is_one_service_per_role(aws: Assembly) -> None:
    for name, role in aws.resources("AWS::IAM::Role").items():
        document = role["Properties"]["AssumeRolePolicyDocument"]
        principals = [statement["Principal"] for statement in document["Statement"]]
        assert len(principals) == 1, name
        assert list(principals[0]) == ["Service"], name


@pytest.mark.parametrize(
    "kind", ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"]
)
def test_plain_http_is_refused(aws: Assembly, kind: str) -> None:
    for name, policy in aws.resources(kind).items():
        refused = [
            statement
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and statement["Condition"]["Bool"] == {"aws:SecureTransport": "false"}
        ]
        assert refused, name


def test_diagnosis_reads_the_lake_and_writes_nothing_but_its_verdict(aws: Assembly) -> None:
    grants = grants_of(aws, "DiagnoseIncident")
    tables = {a for a, _ in grants if a.startswith("dynamodb:")}
    assert tables == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"}
    written = [r for a, r in grants if a == "dynamodb:PutItem"]
    assert len(written) == 1
    assert "Incidents" in written[0]
    assert not any("Members" in r or "Items" in r for _, r in grants)
    puts = [r for a, r in grants if a == "s3:PutObject"]
    assert all("athena-results" in resource for resource in puts)


def test_the_bus_starts_diagnosis_for_every_paged_incident(aws: Assembly) -> None:
    rule = aws.one("AWS::Events::Rule", containing="Paged")["Properties"]
    assert rule["State"] == "ENABLED"
    assert rule["EventPattern"] == {
        "source": ["recsysops"], "detail-type": ["recsysops.incident"],
    }  # fmt: skip
    [target] = rule["Targets"]
    assert "DiagnoseIncident" in str(target["Arn"])
    assert "StartFailures" in str(target["DeadLetterConfig"])
    telling = [r for a, r in grants_of(aws, "RecordIncidents") if a == "events:PutEvents"]
    assert len(telling) == 1


def test_the_audit_workflow_may_read_every_table_that_an_audit_asks() -> None:
    asked = {
        table
        for audit in AUDITS
        for table in TABLES
        if re.search(rf"(FROM|JOIN)\s+{table}\b", audit.tables)
    }
    assert asked <= set(AUDITED_TABLES)
