"""`metrics add` puts an owner's file among the audits and says what comes next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recsysops.detection import catalogue

from tests.unit.cli.conftest import RunCli

_METRIC = """
name = "studio_seven"
question = "Are our two titles still shown?"
owner = "studio-7"
runbook = "Ask ranking what changed."
measure = "exposure_share"
items = ["1029", "2571"]
floor = 0.3
turn = "drop"
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where declared metrics go, instead of this installation."""
    folder = tmp_path / "owned_metrics"
    folder.mkdir()
    monkeypatch.setattr(catalogue, "OWNED_METRICS_FOLDER", folder)
    return folder / "studio_seven.toml"


@pytest.fixture
def declared(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(_METRIC)
    return str(path)


def test_a_metric_is_added_and_the_next_step_is_told(
    run_cli: RunCli, installed: Path, declared: str
) -> None:
    said = run_cli("metrics", "add", declared)
    assert said.status == 0
    assert "metric_studio_seven is declared in" in said.out
    assert "then `make pages`" in said.out
    assert installed.read_text() == _METRIC


def test_machines_are_told_the_audit_and_where_it_stands(
    run_cli: RunCli, installed: Path, declared: str
) -> None:
    told = json.loads(run_cli("metrics", "add", declared, "--json").out)
    assert (told["audit"], told["file"]) == ("metric_studio_seven", str(installed))
    assert told["metric"]["items"] == ["1029", "2571"]
    assert installed.exists()


def test_a_file_that_breaks_the_format_adds_nothing(
    run_cli: RunCli, installed: Path, tmp_path: Path
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(_METRIC.replace("0.3", "7"))
    said = run_cli("metrics", "add", str(path), "--json")
    assert (said.status, said.out) == (2, "")
    assert "floor" in said.err
    assert not installed.exists()
