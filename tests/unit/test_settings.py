"""Settings: from the environment, from the laptop's outputs, from cdk's outputs file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recsysops.errors import BadInput
from recsysops.settings import settings_from_environment, settings_from_outputs


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_variables_of_the_prefix_become_settings_and_others_are_ignored() -> None:
    settings = settings_from_environment(
        {"RECSYSOPS_MEMBERS_TABLE": "m", "RECSYSOPS_ACCEPT_RETIMED": "true", "HOME": "/"}
    )
    assert (settings.members_table, settings.accept_retimed) == ("m", True)


def test_the_laptops_outputs_accept_retimed_traffic(tmp_path: Path) -> None:
    path = write(tmp_path / "o.json", {"endpoint": "http://127.0.0.1:1", "members_table": "m"})
    settings = settings_from_outputs(path)
    assert (settings.stage, settings.members_table, settings.accept_retimed) == (
        "laptop",
        "m",
        True,
    )


def test_cdks_outputs_file_names_a_stack_on_aws_that_refuses_retimed_traffic(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path / "o.json",
        {
            "Recsysops": {
                "MembersTable": "m",
                "AuditStateMachineArn": "arn:aws:states:eu-west-1:1:s",
            }
        },
    )
    settings = settings_from_outputs(path)
    assert (settings.stage, settings.members_table, settings.region) == ("aws", "m", "eu-west-1")
    assert not settings.accept_retimed


@pytest.mark.parametrize("text", ["{", "[]", '{"endpoint": 3}'])
def test_a_file_that_is_neither_is_one_clear_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "o.json"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        settings_from_outputs(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_start_a_stage(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="recsysops up"):
        settings_from_outputs(tmp_path / "none.json")
