"""The deployed app's services answer as the code relies on: sign-in, log, SQL, flags, workers."""

import json
import time

import pytest

from infra.local.clients import make_client
from tests.integration.laptop.conftest import Deployed
from tests.integration.laptop.scenes import (
    fetch_token,
    invoke,
    make_function,
    make_state_machine,
    query,
    run_state_machine,
    send,
)

pytestmark = pytest.mark.laptop

RECOMMEND = "/v1/recommendations"


def recommend(laptop: Deployed, token: str | None) -> int:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    status, _ = send(laptop.outputs["api_url"] + RECOMMEND, headers=headers)
    return status


class TestSignIn:
    def test_no_token_is_unauthorized(self, laptop: Deployed) -> None:
        assert recommend(laptop, None) == 401

    def test_a_forged_token_is_unauthorized(self, laptop: Deployed) -> None:
        head, claims, signature = fetch_token(laptop.outputs, scope="recommend").split(".")
        flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
        assert recommend(laptop, f"{head}.{claims}.{flipped}") == 401

    def test_the_wrong_scope_is_forbidden(self, laptop: Deployed) -> None:
        assert recommend(laptop, fetch_token(laptop.outputs, scope="feedback")) == 403

    def test_the_right_scope_reaches_the_function(self, laptop: Deployed) -> None:
        assert recommend(laptop, fetch_token(laptop.outputs, scope="recommend")) not in {401, 403}

    def test_health_is_open(self, laptop: Deployed) -> None:
        status, _ = send(laptop.outputs["api_url"] + "/health", method="GET")
        assert status not in {401, 403, 404}


class TestLog:
    def feedback_line(self, number: int) -> str:
        return json.dumps(
            {
                "schema_version": 1,
                "event_id": f"packed-{number}",
                "request_id": f"r-{number}",
                "event_time": "2026-01-02 03:04:05.678",
                "member": "m",
                "member_group": number % 32,
                "item_id": "0017",
                "kind": "play",
                "value": 1,
                "traffic": "simulated",
            }
        )

    def test_packed_lines_become_parquet_rows_that_sql_counts(self, laptop: Deployed) -> None:
        lines = "".join(self.feedback_line(number) + "\n" for number in range(50))
        make_client("firehose", laptop.outputs["endpoint"]).put_record(
            DeliveryStreamName=laptop.outputs["feedback_stream"], Record={"Data": lines.encode()}
        )
        rows = query(
            laptop.outputs["endpoint"],
            "SELECT count(*) AS n, min(item_id) AS item, max(member_group) AS last FROM feedback"
            " WHERE event_id LIKE 'packed-%' AND event_time = TIMESTAMP '2026-01-02 03:04:05.678'",
            database=laptop.outputs["glue_database"],
            workgroup=laptop.outputs["athena_workgroup"],
        )
        assert rows == [["50", "0017", "31"]]


def test_a_state_machine_asks_athena_and_waits(laptop: Deployed) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
        "Parameters": {
            "QueryString": "SELECT count(*) AS n FROM choice_ranks",
            "WorkGroup": laptop.outputs["athena_workgroup"],
            "QueryExecutionContext": {"Database": laptop.outputs["glue_database"]},
        },
        "End": True,
    }
    endpoint = laptop.outputs["endpoint"]
    done = run_state_machine(endpoint, make_state_machine(endpoint, "counts", {"Count": task}))
    assert done["status"] == "SUCCEEDED", done["cause"]


FLAG_READER = """
import json, os, boto3
def handle(event, context):
    flags = boto3.client("appconfigdata")
    token = flags.start_configuration_session(**event)["InitialConfigurationToken"]
    return json.loads(flags.get_latest_configuration(ConfigurationToken=token)["Configuration"].read() or b"null")
"""  # noqa: E501


def deploy_flags(laptop: Deployed, document: dict[str, object]) -> None:
    flags = make_client("appconfig", laptop.outputs["endpoint"])
    profile = {
        "ApplicationId": laptop.outputs["appconfig_application_id"],
        "ConfigurationProfileId": laptop.outputs["hotfixes_profile_id"],
    }
    version = flags.create_hosted_configuration_version(
        **profile, Content=json.dumps(document).encode(), ContentType="application/json"
    )["VersionNumber"]
    flags.start_deployment(
        **profile,
        EnvironmentId=laptop.outputs["hotfixes_environment_id"],
        ConfigurationVersion=str(version),
        DeploymentStrategyId=laptop.outputs["at_once_strategy_id"],
    )


def test_a_deployed_flag_document_is_visible_inside_a_function(laptop: Deployed) -> None:
    endpoint = laptop.outputs["endpoint"]
    make_function(endpoint, "flag_reader", FLAG_READER)
    names = {
        "ApplicationIdentifier": laptop.outputs["appconfig_application_id"],
        "EnvironmentIdentifier": laptop.outputs["hotfixes_environment_id"],
        "ConfigurationProfileIdentifier": laptop.outputs["hotfixes_profile_id"],
    }
    for document in ({"schema_version": 1, "hotfixes": []}, {"schema_version": 2}):
        deploy_flags(laptop, document)
        deadline = time.monotonic() + 10
        while invoke(endpoint, "flag_reader", names) != document:
            assert time.monotonic() < deadline, "the document never arrived"


def test_functions_import_the_package_that_the_layer_or_the_host_brings(laptop: Deployed) -> None:
    code = "import recsysops\ndef handle(event, context): return recsysops.__file__"
    make_function(laptop.outputs["endpoint"], "importer", code)
    assert str(invoke(laptop.outputs["endpoint"], "importer")).endswith("recsysops/__init__.py")
