"""Deployments through AppConfig's control plane, answer by answer (moto has no such service)."""

from __future__ import annotations

import io
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from recsysops.adapters.appconfig_deployer import AppConfigDeployer, Strategies
from recsysops.adapters.polled_document import DocumentSource
from recsysops.errors import ConflictError, DependencyError

PLACE = {"ApplicationId": "app", "EnvironmentId": "env"}
SOURCE = DocumentSource("app", "env", "profile")


@pytest.fixture
def client():
    return boto3.client("appconfig")


@pytest.fixture
def stubber(client):
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def deployer(client) -> AppConfigDeployer:
    return AppConfigDeployer(client, SOURCE, strategies=Strategies("slow", "fast"))


def deployments(*states: str, versions: tuple[str, ...] = ()) -> dict[str, Any]:
    """Newest last, as moto-like services answer; the adapter must not rely on the order."""
    items = [
        {
            "DeploymentNumber": number,
            "State": state,
            "PercentageComplete": 100.0 if state == "COMPLETE" else 40.0,
            "ConfigurationVersion": versions[number - 1] if versions else str(number),
        }
        for number, state in enumerate(states, start=1)
    ]
    return {"Items": items}


def test_a_document_is_stored_and_deployed_by_the_named_strategy(stubber, deployer) -> None:
    stubber.add_response("list_deployments", deployments("COMPLETE"), PLACE)
    stubber.add_response(
        "create_hosted_configuration_version",
        {"VersionNumber": 7},
        {
            "ApplicationId": "app",
            "ConfigurationProfileId": "profile",
            "Content": b"{}",
            "ContentType": "application/json",
        },
    )
    stubber.add_response(
        "start_deployment",
        {"DeploymentNumber": 2},
        {
            **PLACE,
            "ConfigurationProfileId": "profile",
            "ConfigurationVersion": "7",
            "DeploymentStrategyId": "slow",
            "Description": "x" * 1024,
        },
    )
    assert deployer.deploy("{}", strategy="staged", note="x" * 2000) == "2"


@pytest.mark.parametrize("state", ["DEPLOYING", "BAKING", "ROLLING_BACK"])
def test_nothing_is_stored_while_another_deployment_runs(stubber, deployer, state) -> None:
    stubber.add_response("list_deployments", deployments("COMPLETE", state), PLACE)
    with pytest.raises(ConflictError, match=rf"deployment 2 is {state.lower()} \(40 %\)"):
        deployer.deploy("{}", strategy="at-once", note="")


def test_a_deployment_that_began_in_between_is_a_conflict_too(stubber, deployer) -> None:
    stubber.add_response("list_deployments", deployments(), PLACE)
    stubber.add_response("create_hosted_configuration_version", {"VersionNumber": 1})
    stubber.add_client_error("start_deployment", "ConflictException", "already in progress")
    with pytest.raises(ConflictError, match="already in progress"):
        deployer.deploy("{}", strategy="at-once", note="")


@pytest.mark.parametrize("state", ["DEPLOYING", "BAKING"])
def test_a_running_deployment_is_stopped_also_while_it_bakes(stubber, deployer, state) -> None:
    stubber.add_response("list_deployments", deployments("COMPLETE", state), PLACE)
    wanted = {**PLACE, "DeploymentNumber": 2, "AllowRevert": True}
    stubber.add_response("stop_deployment", {"DeploymentNumber": 2}, wanted)
    assert deployer.stop() is True


@pytest.mark.parametrize("states", [(), ("COMPLETE",), ("COMPLETE", "ROLLED_BACK")])
def test_nothing_is_stopped_when_nothing_runs(stubber, deployer, states) -> None:
    stubber.add_response("list_deployments", deployments(*states), PLACE)
    assert deployer.stop() is False


def test_the_status_is_that_of_the_newest_deployment(stubber, deployer) -> None:
    stubber.add_response("list_deployments", deployments("COMPLETE", "DEPLOYING"), PLACE)
    assert deployer.status() == {"deployment_id": "2", "state": "DEPLOYING", "percent": "40"}
    stubber.add_response("list_deployments", deployments(), PLACE)
    assert deployer.status() == {"deployment_id": "", "state": "NONE", "percent": "0"}


def test_the_current_document_is_the_newest_that_was_not_rolled_back(stubber, deployer) -> None:
    answer = deployments("COMPLETE", "COMPLETE", "ROLLED_BACK", versions=("3", "5", "6"))
    stubber.add_response("list_deployments", answer, PLACE)
    stubber.add_response(
        "get_hosted_configuration_version",
        {"Content": StreamingBody(io.BytesIO(b'{"a": 1}'), 8)},
        {"ApplicationId": "app", "ConfigurationProfileId": "profile", "VersionNumber": 5},
    )
    assert deployer.current() == '{"a": 1}'


def test_without_a_deployment_the_current_document_is_empty(stubber, deployer) -> None:
    stubber.add_response("list_deployments", deployments("ROLLED_BACK"), PLACE)
    assert deployer.current() == ""


def test_throttling_is_a_dependency_error(stubber, deployer) -> None:
    stubber.add_client_error("list_deployments", "ThrottlingException", "slow down")
    with pytest.raises(DependencyError, match="ThrottlingException"):
        deployer.status()
