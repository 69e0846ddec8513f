"""SNS, Cognito, Step Functions, Lambda: the short adapters, and each of them failing."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber
from recsysops.adapters import aws_clients
from recsysops.adapters.aws_clients import make_client
from recsysops.adapters.lambda_calls import LambdaCalls
from recsysops.adapters.sns_notifier import SnsNotifier, fit_subject
from recsysops.adapters.stepfunctions_runs import StateMachineRuns
from recsysops.errors import DependencyError
from recsysops.settings import Settings

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:audit"
RUN = "arn:aws:states:us-east-1:123456789012:execution:audit:run-1"


def test_a_message_reaches_the_subscribers_of_the_topic(aws: None) -> None:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="incidents")["TopicArn"]
    queue = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:pager"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    SnsNotifier(sns, topic).publish("Null\nlanguage", {"at": NOW, "items": ["1"]})
    message = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert message["Subject"] == "Null language"
    assert json.loads(message["Message"]) == {"at": "2026-11-01 00:00:00+00:00", "items": ["1"]}


def test_subjects_are_cut_to_what_sns_takes() -> None:
    assert fit_subject("x" * 200) == "x" * 100
    assert fit_subject(" \n ") == "RecSysOps"
    assert fit_subject("é\x00") == "??"


def test_a_missing_topic_is_a_dependency_error(aws: None) -> None:
    notifier = SnsNotifier(boto3.client("sns"), "arn:aws:sns:us-east-1:123456789012:none")
    with pytest.raises(DependencyError, match="incident topic"):
        notifier.publish("x", {})


@pytest.fixture
def sfn():
    client = boto3.client("stepfunctions")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def add_look(stubber: Stubber, status: str, **more: str) -> None:
    stubber.add_response(
        "describe_execution",
        {
            "executionArn": RUN,
            "stateMachineArn": MACHINE,
            "status": status,
            "startDate": NOW,
            **more,
        },
        {"executionArn": RUN},
    )


def test_a_run_is_started_watched_and_its_output_returned(sfn) -> None:
    client, stubber = sfn
    looks: list[tuple[str, float]] = []
    stubber.add_response(
        "start_execution",
        {"executionArn": RUN, "startDate": NOW},
        {"stateMachineArn": MACHINE, "input": '{"window_start": "x"}'},
    )
    add_look(stubber, "RUNNING")
    add_look(stubber, "SUCCEEDED", output='{"findings": 2}')
    clock = iter([0.0, 0.5, 1.5])
    runs = StateMachineRuns(client, sleep=lambda _: None, monotonic=lambda: next(clock))
    outcome = runs.run(MACHINE, {"window_start": "x"}, progress=lambda *look: looks.append(look))
    assert outcome == {"findings": 2}
    assert looks == [("RUNNING", 0.5), ("SUCCEEDED", 1.5)]


def test_a_failed_run_is_one_line_with_the_functions_own_message(sfn) -> None:
    client, stubber = sfn
    cause = json.dumps({"errorMessage": "no window\nnamed", "stackTrace": ["…"]})
    add_look(stubber, "FAILED", error="BadInput", cause=cause)
    with pytest.raises(DependencyError) as caught:
        StateMachineRuns(client).wait(RUN, limit_seconds=1.0)
    assert str(caught.value) == "audit run run-1 failed: BadInput: no window named"


def test_a_run_that_outlasts_the_limit_or_has_no_output_is_told(sfn) -> None:
    client, stubber = sfn
    clock = iter([0.0, 61.0])
    add_look(stubber, "RUNNING")
    runs = StateMachineRuns(client, sleep=lambda _: None, monotonic=lambda: next(clock))
    with pytest.raises(DependencyError, match="audit run run-1 still runs after 61 s"):
        runs.wait(RUN, limit_seconds=60.0)
    add_look(stubber, "SUCCEEDED")
    assert StateMachineRuns(client).wait(RUN, limit_seconds=1.0) == {}


def test_a_machine_that_cannot_be_started_is_a_dependency_error(sfn) -> None:
    client, stubber = sfn
    stubber.add_client_error("start_execution", "StateMachineDoesNotExist", "no")
    with pytest.raises(DependencyError, match="StateMachineDoesNotExist"):
        StateMachineRuns(client).start(MACHINE, {})


@pytest.mark.parametrize(("body", "answer"), [(b'{"a": 1}', {"a": 1}), (b"null", {}), (b"", {})])
def test_a_function_is_called_and_its_answer_returned(body: bytes, answer) -> None:
    client = boto3.client("lambda")
    with Stubber(client) as stubber:
        stubber.add_response(
            "invoke",
            {"StatusCode": 200, "Payload": io.BytesIO(body)},
            {"FunctionName": "publish", "Payload": b'{"as_of": "x"}'},
        )
        assert LambdaCalls(client).call("publish", {"as_of": "x"}) == answer


def test_a_function_that_fails_is_one_line_with_its_message() -> None:
    client = boto3.client("lambda")
    body = json.dumps({"errorType": "BadData", "errorMessage": "item 3: no\ntitle"}).encode()
    with Stubber(client) as stubber:
        stubber.add_response(
            "invoke",
            {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(body)},
        )
        with pytest.raises(DependencyError, match="publish failed: BadData: item 3: no title"):
            LambdaCalls(client).call("publish", {})


def test_real_keys_never_travel_to_the_emulator_and_timeouts_are_short_for_requests() -> None:
    settings = Settings(endpoint="http://127.0.0.1:1")
    local = make_client("s3", settings, patience="request")
    keys = local._request_signer._credentials
    assert (keys.access_key, keys.secret_key) == ("test", "test")
    assert local.meta.config.read_timeout == 2.0
    assert local.meta.config.retries["total_max_attempts"] == 2
    real = make_client("s3", Settings())
    assert real._request_signer._credentials.access_key == "testing"


def test_neither_a_profile_nor_a_proxy_of_the_user_stands_before_the_emulator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    endpoint = "http://127.0.0.1:1"
    local = make_client("s3", Settings(endpoint=endpoint))
    assert local._request_signer._credentials.access_key == "test"
    assert local._endpoint.http_session._proxy_config.proxy_url_for(endpoint) is None


def test_a_profile_that_does_not_exist_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setattr(aws_clients, "_session", botocore.session.Session)
    with pytest.raises(DependencyError, match=r"make a client of s3: .*no-such-profile"):
        make_client("s3", Settings())
