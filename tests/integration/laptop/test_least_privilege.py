"""With IAM enforced, each function may make the calls it makes and no other."""

import json
from collections.abc import Mapping

import pytest

from infra.local.clients import make_client
from tests.integration.laptop.conftest import Deployed
from tests.integration.laptop.scenes import fetch_token, invoke, make_function, send

pytestmark = pytest.mark.laptop

# Runs under the role of the function it stands for; any answer but a refusal means 'may'.
PROBE = """
import boto3
from botocore.exceptions import ClientError

def handle(event, context):
    call = getattr(boto3.client(event["service"]), event["operation"])
    try:
        call(**event["parameters"])
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "may not" if "Denied" in code or "Authoriz" in code else "may"
    return "may"
"""
KEYS = {"{members_table}": "member_id", "{incidents_table}": "incident_id"}
DELTA = "deltas/d-0000000000000000.npz"

# (function, service, operation, what on, verdict); names in braces come from outputs.json
CALLS = [
    ("recommend_items", "dynamodb", "get_item", "{members_table}", "may"),
    ("recommend_items", "dynamodb", "put_item", "{members_table}", "may not"),
    ("recommend_items", "dynamodb", "scan", "{items_table}", "may not"),
    ("recommend_items", "s3", "get_object", "{artefact_bucket}", "may"),
    ("recommend_items", "s3", "put_object", "{artefact_bucket}", "may not"),
    ("recommend_items", "s3", "get_object", "{lake_bucket}", "may not"),
    ("recommend_items", "firehose", "put_record_batch", "{slim_stream}", "may"),
    ("recommend_items", "firehose", "put_record_batch", "{full_stream}", "may"),
    ("recommend_items", "firehose", "put_record_batch", "{shadow_stream}", "may"),
    ("recommend_items", "firehose", "put_record_batch", "{similar_stream}", "may"),
    ("recommend_items", "firehose", "put_record_batch", "{feedback_stream}", "may not"),
    ("recommend_items", "appconfigdata", "start_configuration_session", "hotfixes", "may"),
    ("recommend_items", "appconfigdata", "start_configuration_session", "model", "may"),
    ("record_feedback", "dynamodb", "get_item", "{members_table}", "may"),
    ("record_feedback", "firehose", "put_record_batch", "{feedback_stream}", "may"),
    ("record_feedback", "firehose", "put_record_batch", "{slim_stream}", "may not"),
    ("publish_delta", "dynamodb", "scan", "{items_table}", "may"),
    ("publish_delta", "dynamodb", "put_item", "{items_table}", "may not"),
    ("publish_delta", "s3", "put_object", "{artefact_bucket}", "may"),
    ("plan_sampling", "athena", "start_query_execution", "{athena_workgroup}", "may"),
    ("plan_sampling", "firehose", "put_record_batch", "{slim_stream}", "may not"),
    ("plan_sampling", "dynamodb", "get_item", "{members_table}", "may not"),
    ("rank_choices", "athena", "start_query_execution", "{athena_workgroup}", "may"),
    ("rank_choices", "dynamodb", "get_item", "{members_table}", "may not"),
    ("record_incidents", "dynamodb", "put_item", "{incidents_table}", "may"),
    ("record_incidents", "sns", "publish", "{incident_topic_arn}", "may"),
    ("record_incidents", "dynamodb", "get_item", "{members_table}", "may not"),
    ("judge_audit", "sns", "publish", "{incident_topic_arn}", "may not"),
    ("predict_launches", "dynamodb", "scan", "{members_table}", "may"),
    ("predict_launches", "dynamodb", "put_item", "{items_table}", "may not"),
    ("predict_launches", "s3", "put_object", "{artefact_bucket}", "may not"),
]


def parameters(outputs: Mapping[str, str], *, operation: str, target: str) -> dict[str, object]:
    """The least that makes the call valid."""
    name = target.format_map(outputs)
    row = {KEYS.get(target, "item_id"): {"S": "1"}}
    sorted_row = row | {"as_of": {"S": "2026-01-02"}}
    least: dict[str, dict[str, object]] = {
        "get_item": {"TableName": name, "Key": row},
        "put_item": {"TableName": name, "Item": sorted_row},
        "scan": {"TableName": name},
        "get_object": {"Bucket": name, "Key": DELTA},
        "put_object": {"Bucket": name, "Key": DELTA, "Body": ""},
        "put_record_batch": {"DeliveryStreamName": name, "Records": [{"Data": "{}"}]},
        "publish": {"TopicArn": name, "Message": "probe"},
        "start_query_execution": {"WorkGroup": name, "QueryString": "SELECT 1 AS one"},
        "start_configuration_session": {
            "ApplicationIdentifier": outputs["appconfig_application_id"],
            "EnvironmentIdentifier": outputs.get(f"{name}_environment_id", ""),
            "ConfigurationProfileIdentifier": outputs.get(f"{name}_profile_id", ""),
        },
    }
    return least[operation]


@pytest.fixture(scope="session")
def probes(guarded: Deployed) -> dict[str, str]:
    """One probe per function, under that function's own role."""
    endpoint = guarded.outputs["endpoint"]
    deployed = make_client("lambda", endpoint).list_functions()["Functions"]
    s3 = make_client("s3", endpoint)
    for bucket in ("artefact_bucket", "lake_bucket"):
        s3.put_object(Bucket=guarded.outputs[bucket], Key=DELTA, Body=b"")
    names = {}
    for function in {call[0] for call in CALLS}:
        title = function.title().replace("_", "")
        role = next(it["Role"] for it in deployed if f"-{title}Function" in it["FunctionName"])
        names[function] = f"probe_{function}"
        make_function(endpoint, names[function], PROBE, role=role)
    return names


@pytest.mark.parametrize(
    ("function", "service", "operation", "target", "verdict"),
    CALLS,
    ids=[f"{f} {v} {o} {t.strip('{}')}" for f, _, o, t, v in CALLS],
)
def test_a_role_grants_what_its_function_does_and_no_more(
    guarded: Deployed,
    probes: dict[str, str],
    *,
    function: str,
    service: str,
    operation: str,
    target: str,
    verdict: str,
) -> None:
    event = {
        "service": service,
        "operation": operation,
        "parameters": parameters(guarded.outputs, operation=operation, target=target),
    }
    assert invoke(guarded.outputs["endpoint"], probes[function], event) == verdict


def test_without_iam_the_same_call_is_not_refused(laptop: Deployed) -> None:
    """So that the refusals above are IAM's and not another failure."""
    endpoint = laptop.outputs["endpoint"]
    make_function(endpoint, "probe_nobody", PROBE)
    event = {
        "service": "dynamodb",
        "operation": "scan",
        "parameters": {"TableName": laptop.outputs["items_table"]},
    }
    assert invoke(endpoint, "probe_nobody", event) == "may"


def test_a_recommendation_is_served_under_the_real_role(guarded: Deployed) -> None:
    token = fetch_token(guarded.outputs, scope="recommend")
    status, body = send(
        guarded.outputs["api_url"] + "/v1/recommendations",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        body=json.dumps({"member_id": "1"}),
    )
    assert status not in {401, 403, 500}, body
    assert "Denied" not in body
