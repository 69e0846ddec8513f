"""Commands about the stage itself pass on what `infra.local` says, in one line when it fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from recsysops.cli import stage
from recsysops.cli.connection import open_settings
from recsysops.errors import BadInput

from tests.unit.cli.conftest import RunCli


class FakeLocal:
    """Stands in for the process `python -m infra.local`."""

    def __init__(self, status: int = 0, out: str = "{}", err: str = "") -> None:
        self.answer = (status, out, err)
        self.asked: list[list[str]] = []

    def run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.asked.append(command[2:])
        return subprocess.CompletedProcess(command, *self.answer)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "infra" / "local").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECSYSOPS_OUTPUTS", raising=False)
    return tmp_path


def use(monkeypatch: pytest.MonkeyPatch, local: FakeLocal) -> FakeLocal:
    monkeypatch.setattr(stage.subprocess, "run", local.run)
    return local


@pytest.mark.usefixtures("checkout")
def test_up_passes_the_port_on_and_prints_where_it_listens(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"endpoint": "http://127.0.0.1:4599"}
    local = use(monkeypatch, FakeLocal(out=json.dumps(answer)))
    assert json.loads(run_cli("up", "--port", "4599", "--json").out) == answer
    assert "http://127.0.0.1:4599" in run_cli("up").out
    assert local.asked == [
        ["infra.local", "up", "--port", "4599", "--json"],
        ["infra.local", "up", "--json"],
    ]


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("command", ["down", "status", "clean"])
def test_other_stage_commands_print_one_json_document(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    local = use(monkeypatch, FakeLocal(out='{"status": "down"}'))
    assert json.loads(run_cli(command, "--json").out) == {"status": "down"}
    assert local.asked == [["infra.local", command, "--json"]]


@pytest.mark.usefixtures("checkout")
def test_a_stage_that_cannot_start_says_its_last_line_only(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, FakeLocal(2, err="starting\nport 4566 is taken by pid 9; use --port\n"))
    said = run_cli("up")
    assert (said.status, said.err) == (2, "recsysops: port 4566 is taken by pid 9; use --port\n")


def test_a_stack_is_found_by_the_file_that_the_environment_names(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="no stage is up"):
        open_settings()
    own = checkout / "build" / "local" / "outputs.json"
    own.parent.mkdir(parents=True)
    own.write_text('{"endpoint": "http://127.0.0.1:4566", "members_table": "own"}')
    assert (open_settings().stage, open_settings().members_table) == ("laptop", "own")
    other = checkout / "aws.json"
    arn = "arn:aws:states:eu-west-1:1:stateMachine:audit"
    names = {"MembersTable": "other", "AuditStateMachineArn": arn}
    other.write_text(json.dumps({"Recsysops": names}))
    monkeypatch.setenv("RECSYSOPS_OUTPUTS", str(other))
    found = open_settings()
    assert (found.stage, found.region, found.members_table) == ("aws", "eu-west-1", "other")
    other.write_text("garbage")
    with pytest.raises(BadInput, match=r"aws\.json is not JSON"):
        open_settings()
