"""Forgetting a member and mirroring another recommender, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recsysops.adapters.memory import MemoryDurableLog, MemoryMembers
from recsysops.bootstrap import Ports
from recsysops.cli import mirror, privacy
from recsysops.settings import Settings
from recsysops.vocabulary import Member

from tests.unit.cli.conftest import RunCli

LINE = {
    "request_id": "theirs-1", "member_id": "17", "event_time": "2026-03-02T12:00:00Z",
    "model_id": "their-model", "items": [{"item_id": "1029"}],
}  # fmt: skip


@pytest.fixture
def small_ports(monkeypatch: pytest.MonkeyPatch) -> Ports:
    made = Ports(Settings())
    made.members = MemoryMembers([Member("17", {}, (), "salt")])
    made.mirror_log = MemoryDurableLog()
    for module in (privacy, mirror):
        monkeypatch.setattr(module, "open_ports", lambda: made)
    return made


def test_forget_deletes_the_row_and_tells_what_remains(run_cli: RunCli, small_ports: Ports) -> None:
    said = run_cli("forget", "17")
    assert said.status == 0
    assert said.out.startswith("the row is gone")
    assert "backups of the members table" in said.out
    assert small_ports.members.get("17") is None
    assert not json.loads(run_cli("forget", "17", "--json").out)["was_known"]


def test_mirror_reads_a_file_and_ends_with_status_one_when_lines_were_refused(
    run_cli: RunCli, small_ports: Ports, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.jsonl"
    file.write_text(json.dumps(LINE) + "\n")
    assert run_cli("mirror", str(file), "--no-rank").status == 0
    file.write_text(json.dumps(LINE) + "\n{}\n")
    said = run_cli("mirror", str(file), "--no-rank", "--json")
    assert said.status == 1
    report = json.loads(said.out)
    assert (report["written"], report["refused"]) == (1, 1)
    assert report["problems"][0].startswith("line 2: ")


def test_a_file_that_is_not_there_is_one_clear_line(
    run_cli: RunCli, small_ports: Ports, tmp_path: Path
) -> None:
    said = run_cli("mirror", str(tmp_path / "typo.jsonl"), "--no-rank")
    assert said.status == 2
    assert "cannot be read" in said.err
