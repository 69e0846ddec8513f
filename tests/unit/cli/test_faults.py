"""`faults-check`: one table over all faults, exit status 1 when a single one is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from recsysops.cli.story import faults_check, laptop_check
from recsysops.cli.story.faults_check import FaultRow
from recsysops.cli.story.laptop_check import MOMENTS
from recsysops.cli.story.report import Report, Step, StepName
from recsysops.simulation.fault_names import FAULT_NAMES, FaultName

from tests.unit.cli.conftest import RunCli

STEPS: tuple[StepName, ...] = ("set_up", "load", "detect", "diagnose", "recover")


class FakeLaptop:
    """Tells stories in which one fault goes wrong at one step."""

    def __init__(self, wrong: str = "", at: StepName = "recover") -> None:
        self.wrong, self.at = wrong, at
        self.told: list[tuple[str, int, int | None, Path]] = []

    def tell(
        self, fault: FaultName, *, seed: int, port: int | None, quiet: bool, folder: Path
    ) -> Report:
        assert quiet
        self.told.append((fault, seed, port, folder))
        report = Report(fault, seed, "now", {})
        for name in STEPS:
            ok = not (fault == self.wrong and name == self.at)
            report.steps.append(Step(name, ok, 2.0, f"{name} of {fault}", {}))
            if not ok:
                return report
        report.seconds_to["detected"] = 27.4
        return report


def use_laptop(monkeypatch: pytest.MonkeyPatch, local: FakeLaptop) -> FakeLaptop:
    monkeypatch.setattr(laptop_check, "tell_on_laptop", local.tell)
    return local


def test_every_fault_is_told_once_on_the_laptop_in_a_folder_of_its_own(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = use_laptop(monkeypatch, FakeLaptop())
    said = run_cli("faults-check", "--stage", "laptop", "--seed", "5", "--port", "4599", "--json")
    found = json.loads(said.out)
    assert (said.status, found["ok"], found["stage"]) == (0, True, "laptop")
    assert [row["fault"] for row in found["rows"]] == list(FAULT_NAMES)
    assert local.told == [(name, 5, 4599, Path("build/faults") / name) for name in FAULT_NAMES]
    first = found["rows"][0]
    assert (first["steps"], first["seconds"], first["stopped_at"]) == (5, 10.0, None)
    assert first["said"] == f"diagnose of {FAULT_NAMES[0]}"
    assert first["seconds_to"] == {**dict.fromkeys(MOMENTS), "detected": 27.4}


@pytest.mark.parametrize("at", STEPS)
def test_one_story_that_goes_wrong_is_status_1_and_the_others_are_still_told(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, at: StepName
) -> None:
    local = use_laptop(monkeypatch, FakeLaptop(wrong="stale_supplier_batch", at=at))
    said = run_cli("faults-check", "--stage", "laptop", "--json")
    rows = {row["fault"]: row for row in json.loads(said.out)["rows"]}
    assert said.status == 1
    assert [name for name, row in rows.items() if not row["ok"]] == ["stale_supplier_batch"]
    wrong = rows["stale_supplier_batch"]
    assert (wrong["stopped_at"], wrong["said"]) == (at, f"{at} of stale_supplier_batch")
    assert len(local.told) == len(FAULT_NAMES)


def test_for_people_it_is_one_table(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    use_laptop(monkeypatch, FakeLaptop(wrong="none", at="detect"))
    said = run_cli("faults-check", "--stage", "laptop")
    assert said.status == 1
    assert all(name in said.out for name in FAULT_NAMES)
    assert "NO, at detect" in said.out
    assert said.err.count("WRONG at detect") == 1


def row(fault: FaultName, seed: int, *, ok: bool) -> FaultRow:
    return FaultRow(fault, seed, ok, 1, "input", "item_features", "language", "", 0.9, 5, 5, "said")


@pytest.mark.parametrize("wrong", [None, "numeric_zero_filled", "none"])
def test_in_process_faults_and_quiet_worlds_have_seeds_of_their_own(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, wrong: str | None
) -> None:
    asked: dict[str, object] = {}

    def check(*, faults: Sequence[FaultName], **named: object) -> list[FaultRow]:
        asked.update(named)
        return [row(fault, 400, ok=fault != wrong) for fault in faults]

    monkeypatch.setattr(faults_check, "check_faults", check)
    arguments = ("--first-seed", "400", "--seeds", "2", "--quiet-seeds", "3", "--json")
    said = run_cli("faults-check", *arguments)
    assert (said.status, json.loads(said.out)["ok"]) == (1 if wrong else 0, wrong is None)
    assert (asked["seeds"], asked["quiet_seeds"]) == (range(400, 402), range(400, 403))
    table = run_cli("faults-check", "--only", "none").out
    assert "wrong seeds" in table
    assert "numeric_zero_filled" not in table


def test_a_stage_that_there_is_not_is_refused(run_cli: RunCli) -> None:
    said = run_cli("faults-check", "--stage", "moon")
    assert (said.status, said.out) == (2, "")
    assert "in-process, laptop" in said.err
