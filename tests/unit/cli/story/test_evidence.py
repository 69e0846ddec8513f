"""A step reads other commands' answers, and takes garbage for what it is."""

from __future__ import annotations

import subprocess

import pytest
from recsysops.cli.story import evidence
from recsysops.cli.story.evidence import ask_cli, items_named, part_of
from recsysops.errors import DependencyError


def answer_with(
    monkeypatch: pytest.MonkeyPatch, out: str, *, status: int = 0, err: str = ""
) -> list[list[str]]:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, status, out, err)

    monkeypatch.setattr(evidence.subprocess, "run", run)
    return asked


def test_a_command_is_asked_for_json_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (command,) = [answer_with(monkeypatch, '{"holds": true}')]
    assert ask_cli("replay", "--from", "2026-03-02") == {"holds": True}
    assert command[0][1:] == [
        "-m", "recsysops.cli.app", "replay", "--from", "2026-03-02", "--json",
    ]  # fmt: skip


def test_an_honest_no_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, '{"holds": false}', status=1)
    assert ask_cli("replay") == {"holds": False}


@pytest.mark.parametrize(
    ("out", "status", "err", "line"),
    [
        ("", 2, "warning\nrecsysops: no stage is up\n", "recsysops: no stage is up"),
        ("Traceback\nKeyError: 'x'", 1, "", "KeyError: 'x'"),
        ("", 0, "", "replay said nothing"),
        ("{}", 2, "", "replay ended with status 2"),
        ("{}", -9, "", "replay ended with status -9"),
    ],
)
def test_a_command_that_fails_is_an_error_with_its_own_last_line(
    monkeypatch: pytest.MonkeyPatch, out: str, status: int, err: str, line: str
) -> None:
    answer_with(monkeypatch, out, status=status, err=err)
    with pytest.raises(DependencyError) as raised:
        ask_cli("replay")
    assert str(raised.value) == line


def test_a_part_that_is_not_there_is_named_beside_what_is() -> None:
    assert part_of({"a": {"b": 1}}, "a") == {"b": 1}
    for document in ({"x": 1}, {"evidence": [1], "x": 2}):
        with pytest.raises(DependencyError, match=r"no 'evidence' .*'x'"):
            part_of(document, "evidence")


def test_items_are_named_as_text_and_nothing_else_is_an_item() -> None:
    assert items_named({"item_ids": ["a", 5]}) == ("a", "5")
    assert items_named({}) == items_named({"item_ids": "abc"}) == ()
