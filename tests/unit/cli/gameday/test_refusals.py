"""A fault file that names no audit or floor is refused with its name, its file and the field."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from recsysops.cli.gameday import worlds
from recsysops.cli.gameday.worlds import FaultTask, run_task
from recsysops.errors import BadInput
from recsysops.simulation.gauntlet.fault_file import FaultFile, load_faults

from tests.unit.cli.conftest import RunCli

_EXAMPLE = re.compile(r"```toml\n(name = \"my_null_language\".*?)```", re.DOTALL)


@pytest.fixture
def documented() -> str:
    """The example of CONTRIBUTING."""
    found = _EXAMPLE.search(Path("CONTRIBUTING.md").read_text())
    assert found
    return found[1]


def test_the_documented_example_can_stand_beside_the_packaged_faults(
    tmp_path: Path, documented: str
) -> None:
    (tmp_path / "mine.toml").write_text(documented)
    assert tomllib.loads(documented)["name"] in [fault.name for fault in load_faults(tmp_path)]


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("null_default_share", "magnitude.audit: no audit 'nope'; there are"),
        ("null_share.slice", "magnitude.metric: audit null_default_share publishes"),
    ],
)
def test_what_is_not_published_is_refused_before_anything_runs(
    run_cli: RunCli, tmp_path: Path, documented: str, named: str, says: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(documented.replace(named, "nope"))
    said = run_cli("gameday", "--faults-dir", str(tmp_path), "--only", "my_null_language")
    assert (said.status, said.out) == (2, "")
    assert f"fault my_null_language ({path}): {says}" in said.err
    assert said.err.strip().count("\n") == 0


def test_what_only_a_running_world_shows_names_the_fault(
    monkeypatch: pytest.MonkeyPatch, documented: str
) -> None:
    def refuse(*_: object) -> None:
        raise BadInput("no column")

    monkeypatch.setattr(worlds, "_judge_until_found", refuse)
    monkeypatch.setattr(worlds, "SeedWorld", _NoWorld)
    fault = FaultFile.model_validate(tomllib.loads(documented))
    with pytest.raises(BadInput, match="fault my_null_language: no column"):
        run_task(FaultTask("simulated", 1, ((fault, "small"),)))


class _NoWorld:
    """Stands in for a world whose days would take seconds."""

    def __init__(self, world: object) -> None:
        self.world = world

    def __getattr__(self, name: str) -> object:
        del name
        return lambda *_, **__: None
