"""What the app names and what the runtime reads are the same words."""

from __future__ import annotations

import pytest
from recsysops.settings import PREFIX, Settings, settings_from_environment

from .conftest import Assembly

pytestmark = pytest.mark.xdist_group("infra")

NOT_DEPLOYED = {
    "stage",
    "region",
    "endpoint",
    "accept_retimed",
    "poll_seconds",
    "member_deadline_ms",
    "full_rows_per_day",
    "feedback_weights",
}


def test_the_stack_outputs_every_name_the_settings_know(aws: Assembly) -> None:
    expected = {
        name.title().replace("_", "") for name in Settings.model_fields if name not in NOT_DEPLOYED
    }
    assert set(aws.template["Outputs"]) - {"BootstrapVersion"} == expected


def test_every_variable_of_a_function_is_one_the_settings_know(aws: Assembly) -> None:
    for name, function in aws.resources("AWS::Lambda::Function").items():
        for variable in function["Properties"]["Environment"]["Variables"]:
            if variable.startswith(PREFIX):
                field = variable.removeprefix(PREFIX).lower()
                assert field in Settings.model_fields, f"{name} gets {variable}"


@pytest.mark.parametrize(("stage", "retimed"), [("aws", False), ("laptop", True)])
def test_the_runtime_reads_the_stage_from_its_environment(
    stage: str, retimed: bool, request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(stage)
    function = assembly.one("AWS::Lambda::Function", containing="RecommendItems")
    variables = function["Properties"]["Environment"]["Variables"]
    settings = settings_from_environment(
        {name: value for name, value in variables.items() if isinstance(value, str)}
    )
    assert settings.stage == stage
    assert settings.accept_retimed is retimed


def test_no_function_exceeds_lambdas_environment(aws: Assembly) -> None:
    for name, function in aws.resources("AWS::Lambda::Function").items():
        variables = function["Properties"]["Environment"]["Variables"]
        # a reference becomes a generated name
        size = sum(
            len(key) + (len(v) if isinstance(v, str) else 64) for key, v in variables.items()
        )
        assert size < 4096, name


def test_aws_pins_python_313_on_arm64(aws: Assembly) -> None:
    for function in aws.resources("AWS::Lambda::Function").values():
        assert function["Properties"]["Runtime"] == "python3.13"
        assert function["Properties"]["Architectures"] == ["arm64"]
        assert function["Properties"]["Handler"] == "handler.handle"
