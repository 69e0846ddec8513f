"""`recsysops import-model` over memory ports: what it says is what the registry holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryBlobs, MemoryLake, MemoryMembers, MemoryRegistry
from recsysops.bootstrap import Ports
from recsysops.cli import import_model
from recsysops.settings import Settings

from tests.unit.cli.conftest import RunCli


class Calls:
    """A publisher that notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []

    def call(self, function: str, event: dict[str, object]) -> dict[str, object]:
        self.asked.append({"function": function, **event})
        return {"delta_id": "d-new"}


@pytest.fixture
def stage(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> Ports:
    """The broken world's items; members, models and objects of its own, because it is written."""
    made = Ports(Settings(publish_delta_function="publish"))
    parts = {
        "items": ports.items,
        "model_deployer": ports.model_deployer,
        "members": MemoryMembers(),
        "registry": MemoryRegistry(),
        "blobs": MemoryBlobs(),
        "lake": MemoryLake(),
        "calls": Calls(),
    }
    for name, part in parts.items():
        setattr(made, name, part)
    monkeypatch.setattr(import_model, "open_ports", lambda: made)
    return made


@pytest.fixture
def files(stage: Ports, tmp_path: Path) -> list[str]:
    """Vectors of the stage's items and two members."""
    ids = [item.item_id for item in stage.items.scan()]
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "items.npz", ids=ids, vectors=rng.normal(size=(len(ids), 5)))
    np.savez(tmp_path / "members.npz", ids=["m-1", "m-2"], vectors=rng.normal(size=(2, 5)))
    return [str(tmp_path / "items.npz"), str(tmp_path / "members.npz")]


def test_a_candidate_is_registered_and_nothing_is_deployed(
    run_cli: RunCli, stage: Ports, files: list[str]
) -> None:
    said = json.loads(run_cli("import-model", *files, "--json").out)
    (entry,) = stage.registry.entries()
    assert (said["model_id"], "candidate") == (entry.model_id, entry.status)
    assert (said["known_items"], said["members"]) == (said["items"], 2)
    assert stage.lake.rows("model_profiles")
    assert stage.model_deployer.status()["state"] != "COMPLETE"


def test_serving_deploys_the_pointer_and_publishes_a_snapshot(
    run_cli: RunCli, stage: Ports, files: list[str]
) -> None:
    said = json.loads(run_cli("import-model", *files, "--serve", "--json").out)
    assert said["delta_id"] == "d-new"
    assert json.loads(stage.model_deployer.current())["production"] == said["model_id"]
    assert [entry.status for entry in stage.registry.entries()] == ["production"]


def test_people_read_how_many_items_meet_the_table(run_cli: RunCli, files: list[str]) -> None:
    assert "is a candidate" in run_cli("import-model", *files).out


def test_files_that_do_not_fit_end_with_one_line_and_status_2(
    run_cli: RunCli, stage: Ports, files: list[str]
) -> None:
    np.savez(files[1], ids=["m-1"], vectors=np.ones((1, 4)))
    narrow = run_cli("import-model", *files)
    assert (narrow.status, narrow.err.count("\n")) == (2, 1)
    assert "item vectors are 5 wide, member vectors 4" in narrow.err
    missing = run_cli("import-model", files[0], "nowhere.npz")
    assert (missing.status, missing.err.count("\n")) == (2, 1)
    assert "nowhere.npz" in missing.err
    assert stage.registry.entries() == []
