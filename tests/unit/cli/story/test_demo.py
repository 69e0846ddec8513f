"""A story stops at the first step that is not as it should be, and always leaves a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from recsysops.cli.pages.plots import Plot
from recsysops.cli.story import demo, laptop
from recsysops.cli.story.demo import steps_of
from recsysops.cli.story.evidence import Outcome
from recsysops.cli.story.scene import Scene
from recsysops.errors import CouldNotJudge, DependencyError
from recsysops.simulation.fault_names import FAULT_NAMES, FaultName

from tests.fakes.told_stage import ToldStage, make_demo, make_scene, make_stage_ports, make_world
from tests.unit.cli.conftest import RunCli

GOOD = Outcome(True, "fine", {"query": "SELECT 1"})
WITH_A_FAULT = ["load", "train", "healthy", "detect", "diagnose", "replay", "preview", "deploy",
                "recover", "launches"]  # fmt: skip


def script_steps(
    monkeypatch: pytest.MonkeyPatch, **scripted: Callable[[Scene], Outcome]
) -> list[str]:
    """Replace every step by one that is fine, but for those that are scripted; returns a log."""
    told: list[str] = []

    def script(name: str) -> Callable[[Scene], Outcome]:
        def step(scene: Scene) -> Outcome:
            told.append(name)
            return scripted.get(name, lambda _: GOOD)(scene)

        return step

    def scripted_steps(fault: FaultName) -> dict[str, Callable[[Scene], Outcome]]:
        return {name: script(name) for name in steps_of(fault)}

    monkeypatch.setattr(demo, "steps_of", scripted_steps)
    return told


@pytest.fixture
def scene() -> Scene:
    return make_scene(ToldStage(make_stage_ports()))


def read_report(folder: Path) -> dict[str, object]:
    assert (folder / "report.html").is_file()
    document: dict[str, object] = json.loads((folder / "report.json").read_text())
    return document


def test_every_step_is_told_in_order_and_reported(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = script_steps(monkeypatch)
    assert make_demo(tmp_path, scene).run(scene)
    assert told == WITH_A_FAULT
    report = read_report(tmp_path)
    assert report["ok"] is True
    assert [step["name"] for step in report["steps"]] == WITH_A_FAULT
    assert report["steps"][0]["evidence"] == {"query": "SELECT 1"}


def test_where_nothing_is_broken_nothing_is_diagnosed_or_mended() -> None:
    assert list(steps_of("none")) == ["load", "train", "healthy", "detect", "launches"]
    assert list(steps_of("wrong_model_pinned")) == WITH_A_FAULT


@pytest.mark.parametrize("name", WITH_A_FAULT)
def test_a_step_that_is_not_as_it_should_be_ends_the_story_and_is_reported(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bad = Outcome(False, "not so", {"seen": [1, 2]})
    told = script_steps(monkeypatch, **{name: lambda _: bad})
    assert not make_demo(tmp_path, scene).run(scene)
    assert told == WITH_A_FAULT[: WITH_A_FAULT.index(name) + 1]
    report = read_report(tmp_path)
    assert report["ok"] is False
    last = report["steps"][-1]
    assert (last["name"], last["ok"], last["summary"]) == (name, False, "not so")
    assert last["evidence"] == {"seen": [1, 2]}


@pytest.mark.parametrize("error", [DependencyError("Athena is away"), CouldNotJudge("no records")])
def test_a_dependency_that_fails_leaves_a_written_report_with_its_line(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_: Scene) -> Outcome:
        raise error

    script_steps(monkeypatch, replay=fail)
    assert not make_demo(tmp_path, scene).run(scene)
    last = read_report(tmp_path)["steps"][-1]
    assert (last["name"], last["ok"], last["summary"]) == ("replay", False, str(error))
    assert last["evidence"] == {"error": type(error).__name__}


def test_a_mistake_of_ours_is_not_taken_for_an_answer(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script_steps(monkeypatch, train=lambda _: {}["no such key"])
    with pytest.raises(KeyError):
        make_demo(tmp_path, scene).run(scene)
    assert [step["name"] for step in read_report(tmp_path)["steps"]] == ["load"]


def test_the_report_is_written_before_the_next_step_begins(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def look(_: Scene) -> Outcome:
        seen.append([step["name"] for step in read_report(tmp_path)["steps"]])
        return GOOD

    script_steps(monkeypatch, train=look, healthy=look)
    make_demo(tmp_path, scene).run(scene)
    assert seen == [["load"], ["load", "train"]]


def test_the_end_adds_the_clock_of_the_incident_and_the_pictures(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plot = Plot("t", "<svg/>", "c")
    monkeypatch.setattr(demo, "draw_story", lambda *_: [plot])
    told = make_demo(tmp_path, scene)
    told.tell("load", lambda: GOOD)
    scene.moments |= {"broken": 100.0, "detected": 127.5, "deployed": 140.0}
    told.finish(scene)
    assert read_report(tmp_path)["seconds_to"] == {"detected": 27.5, "deployed": 40.0}
    assert "<svg/>" in (tmp_path / "report.html").read_text()


def test_a_story_without_a_fault_has_no_clock(scene: Scene) -> None:
    assert scene.seconds_since_broken() == {}


def test_a_lake_that_went_away_costs_the_pictures_and_the_report_says_so(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Plot]:
        raise DependencyError("Athena is away")

    monkeypatch.setattr(demo, "draw_story", fail)
    told = make_demo(tmp_path, scene)
    told.tell("load", lambda: GOOD)
    scene.moments |= {"broken": 1.0, "detected": 2.0}
    told.finish(scene)
    report = read_report(tmp_path)
    assert report["labels"]["pictures"] == "not drawn: Athena is away"
    assert report["seconds_to"] == {"detected": 1.0}


class FakeLaptop:
    """Stands in for `infra.local`; `fails` is the stage command that does not work."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.asked: list[tuple[str, ...]] = []

    def run_stage(self, *arguments: str) -> dict[str, object]:
        self.asked.append(arguments)
        if arguments[0] == self.fails:
            raise DependencyError("port 4566 is taken by pid 9; use --port")
        return {"status": "up", "endpoint": "http://127.0.0.1:4599"}


def use_laptop(monkeypatch: pytest.MonkeyPatch, local: FakeLaptop) -> ToldStage:
    stage = ToldStage(make_stage_ports())
    monkeypatch.setattr(laptop, "run_stage", local.run_stage)
    monkeypatch.setattr(laptop, "load_movielens", lambda: None)
    monkeypatch.setattr(laptop, "build_retimed_world", lambda *_, **__: make_world())
    monkeypatch.setattr(
        laptop, "set_scene", lambda world, *, fault, **_: make_scene(stage, fault=fault)
    )
    monkeypatch.setattr(demo, "draw_story", lambda *_: [])
    return stage


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "build" / "demo"


def test_the_command_starts_an_empty_stage_and_ends_well_when_the_story_does(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, in_a_folder: Path
) -> None:
    local = FakeLaptop()
    use_laptop(monkeypatch, local)
    script_steps(monkeypatch)
    said = run_cli("demo", "--port", "4599", "--json")
    assert said.status == 0, said
    assert json.loads(said.out) == {"ok": True, "report": "build/demo/report.json"}
    assert local.asked == [("clean",), ("up", "--port", "4599")]
    names = [step["name"] for step in read_report(in_a_folder)["steps"]]
    assert names == ["set_up", *WITH_A_FAULT]


def test_the_command_ends_with_status_1_when_a_step_is_not_as_it_should_be(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, in_a_folder: Path
) -> None:
    use_laptop(monkeypatch, FakeLaptop())
    script_steps(monkeypatch, healthy=lambda _: Outcome(False, "[red] alarm", {}))
    said = run_cli("demo")
    assert said.status == 1
    assert "FAILED healthy" in said.out
    assert "[red] alarm" in said.out, "text of others is no markup"
    assert "load" in said.out
    assert "recover" not in said.out.split("FAILED")[1]
    assert read_report(in_a_folder)["ok"] is False


def test_a_stage_that_does_not_start_is_a_failed_step_of_a_written_report(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, in_a_folder: Path
) -> None:
    use_laptop(monkeypatch, FakeLaptop(fails="up"))
    told = script_steps(monkeypatch)
    said = run_cli("demo", "--json")
    assert (said.status, json.loads(said.out)["ok"], told) == (1, False, [])
    (step,) = read_report(in_a_folder)["steps"]
    assert (step["name"], step["ok"]) == ("set_up", False)
    assert "taken by pid 9" in step["summary"]


def test_an_unknown_fault_is_refused_before_anything_is_forgotten(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, in_a_folder: Path
) -> None:
    local = FakeLaptop()
    use_laptop(monkeypatch, local)
    said = run_cli("demo", "--fault", "typo")
    assert (said.status, local.asked) == (2, [])
    assert FAULT_NAMES[0] in said.err
