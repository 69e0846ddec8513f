"""The command line says what it can do, and says errors in one line with exit status 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from recsysops.adapters.memory import MemoryQueries
from recsysops.bootstrap import Ports
from recsysops.errors import DependencyError

from tests.unit.cli.conftest import RunCli, Said

COMMANDS = (
    "up", "down", "status", "clean", "demo", "faults-check", "recommend", "audit", "incidents",
    "diagnose", "replay", "hotfix", "launches", "models", "leaderboard", "forget",
    "mirror", "plan-sampling",
)  # fmt: skip


def is_one_clear_line(said: Said, text: str) -> bool:
    (line,) = said.err.splitlines()
    return said.status == 2 and said.out == "" and line.startswith("recsysops: ") and text in line


def test_help_lists_every_command(run_cli: RunCli) -> None:
    said = run_cli("--help")
    assert said.status == 0
    assert [command for command in COMMANDS if f" {command} " not in said.out] == []


def test_help_of_the_hotfix_menu_lists_its_commands(run_cli: RunCli) -> None:
    said = run_cli("hotfix", "--help")
    for command in ("menu", "preview", "deploy", "undo", "kill", "list"):
        assert f" {command} " in said.out


@pytest.mark.parametrize("command", [["incidents"], ["models", "--json"], ["hotfix", "kill"]])
def test_without_a_stage_every_command_says_how_to_start_one(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECSYSOPS_OUTPUTS", raising=False)
    assert is_one_clear_line(run_cli(*command), "start one with 'recsysops up'")


def test_outside_a_checkout_the_stage_cannot_be_started(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_one_clear_line(run_cli("up"), "root of a recsysops checkout")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["demo", "--fault", "typo"], "unknown fault 'typo'; choose from language_misconfigured"),
        (["faults-check", "--only", "typo"], "unknown fault 'typo'"),
        (["replay", "--from", "yesterday", "--to", "today"], "'yesterday' is no ISO moment"),
        (["replay", "--from", "2026-03-02", "--to", "2026-03-02"], "is empty"),
        (["replay", "--from", "2026-03-02"], "both --from and --to"),
        (["hotfix", "preview", "inc-0123456789", "--to", "2026-03-02"], "both --from and --to"),
        (["replay"], "name a window or a request id"),
        (["diagnose", "inc-none"], "no incident 'inc-none'"),
        (["hotfix", "menu", "inc-none"], "no incident 'inc-none'"),
        (["hotfix", "menu", "inc-0123456789"], "run 'recsysops diagnose inc-0123456789'"),
        (["hotfix", "undo", "fix-none"], "no hotfix 'fix-none' is deployed"),
        (["hotfix", "undo", "fix-none", "--strategy", "slowly"], "none of staged, at-once"),
        (["incidents", "--status", "closed"], "status 'closed' is none of open"),
    ],
)
@pytest.mark.usefixtures("ports")
def test_bad_input_is_one_line_that_says_what_is_allowed(
    run_cli: RunCli, arguments: list[str], text: str
) -> None:
    assert is_one_clear_line(run_cli(*arguments), text)


@pytest.mark.usefixtures("ports")
@pytest.mark.parametrize("name", ["[/bold]", "[red]", "a\nb"])
def test_brackets_and_line_breaks_in_an_error_are_said_as_they_are(
    run_cli: RunCli, name: str
) -> None:
    assert is_one_clear_line(run_cli("diagnose", name), f"no incident {name!r}")


def test_an_engine_that_complains_over_several_lines_is_quoted_in_one(
    run_cli: RunCli, ports: Ports
) -> None:
    def fail(_: str) -> list[dict[str, object]]:
        raise DependencyError("query failed: Binder Error\nLINE 1: SELECT\n  ^")

    ports.queries = MemoryQueries(fail)  # type: ignore[assignment]
    said = run_cli("replay", "r-1")
    assert is_one_clear_line(said, "Binder Error LINE 1: SELECT ^")


def test_a_wrong_option_is_refused_by_the_parser(run_cli: RunCli) -> None:
    said = run_cli("demo", "--requests", "12")
    assert said.status == 2
    assert "1000" in said.err


@pytest.mark.parametrize("option", ["--html", "--csv"])
def test_a_file_that_cannot_be_written_is_one_line(
    run_cli: RunCli, ports: Ports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str
) -> None:
    monkeypatch.setattr("recsysops.cli.missed_choices.open_ports", lambda: ports)
    monkeypatch.setattr(
        "recsysops.workflows.find_missed_choices.read_ranked_choices", lambda *_: []
    )
    taken = tmp_path / "taken"
    taken.write_text("a file, no folder")
    said = run_cli(
        "missed-choices", "--from", "2026-03-01", "--to", "2026-03-02", option, f"{taken}/page"
    )
    assert is_one_clear_line(said, "taken")
    page = tmp_path / "new" / "page"
    assert run_cli(
        "missed-choices", "--from", "2026-03-01", "--to", "2026-03-02", option, str(page)
    ).out.startswith("0 of 0 ranked choices")
    assert page.is_file()


def test_an_error_of_the_system_that_names_no_file_is_not_hidden(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ConnectionResetError("peer")

    monkeypatch.setattr("recsysops.cli.app.app", fail)
    with pytest.raises(ConnectionResetError):
        run_cli("incidents")
