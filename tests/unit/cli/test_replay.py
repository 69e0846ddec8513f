"""The command replay over memory ports: repeat, ask, explain; one JSON document each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recsysops.bootstrap import Ports
from recsysops.serving.flag_document import build_flag_document, dump_flag_document

from tests.fakes.broken_world import BROKEN, REFERENCE, REQUESTS, BrokenWorld
from tests.fakes.small_catalogue import make_hotfix
from tests.unit.cli.conftest import RunCli

DAY = ["--from", BROKEN.start.isoformat(), "--to", BROKEN.end.isoformat()]
REQUEST = f"r-{BROKEN.start:%d}-7"


@pytest.fixture
def shown(ports: Ports, broken_world: BrokenWorld) -> list[str]:
    del ports
    return next(one.shown for one in broken_world.records(BROKEN) if one.request_id == REQUEST)


def test_a_sample_of_a_window_is_repeated(run_cli: RunCli, ports: Ports) -> None:
    del ports
    said = run_cli("replay", *DAY, "--sample", "3", "--json")
    found = json.loads(said.out)
    assert (said.status, found["records"], found["holds"]) == (0, 3, True)


def test_a_sample_without_a_window_is_of_the_last_week(run_cli: RunCli, ports: Ports) -> None:
    ports.clock = lambda: BROKEN.end
    found = json.loads(run_cli("replay", "--sample", "1000", "--json").out)
    assert found["records"] == 2 * REQUESTS, "both days"
    ports.clock = lambda: REFERENCE.end
    found = json.loads(run_cli("replay", "--sample", "1000", "--json").out)
    assert found["records"] == REQUESTS


def test_a_question_shows_before_and_after(run_cli: RunCli, shown: list[str]) -> None:
    said = run_cli("replay", REQUEST, "--with", f"feature={shown[0]}:genres=null")
    assert (said.status, said.err) == (0, "")
    for part in (REQUEST, shown[0], "genre", "→"):
        assert part in said.out


def test_questions_combine_and_are_one_json_document(
    run_cli: RunCli, shown: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "fix.json"
    block = make_hotfix("block_items", {"item_ids": (shown[0],)})
    path.write_text(dump_flag_document(build_flag_document([block])))
    said = run_cli("replay", REQUEST, "--with", f"hotfix={path}",
                   "--with", f"feature={shown[1]}:year=null", "--json")  # fmt: skip
    document = json.loads(said.out)
    assert (said.status, document["records"]) == (0, 1)
    assert [one["kind"] for one in document["changes"]] == ["block_items", "override_feature"]
    (answer,) = document["what_if"]["answers"]
    assert answer["what_if"]["left"][0] == shown[0]
    assert document["what_if"]["summary"]["changed"] == 1
    moves = {move["item_id"]: move for move in answer["what_if"]["moves"]}
    assert moves[shown[0]]["after"]["slot"] is None
    assert moves[shown[1]]["before"]["contributions"].keys() == {
        "genre", "year", "language", "collaborative", "popularity",
    }  # fmt: skip


def test_a_whole_window_is_asked_and_summed_up(run_cli: RunCli, shown: list[str]) -> None:
    said = run_cli("replay", *DAY, "--with", f"feature={shown[0]}:genres=null")
    assert said.status == 0
    assert "all requests" in said.out


def test_an_explanation_tells_everything_in_order(run_cli: RunCli, shown: list[str]) -> None:
    said = run_cli("replay", REQUEST, "--explain")
    assert (said.status, said.err) == (0, "")
    for part in ("member", "snapshot", "eligible", "exploration on", "final order", shown[0],
                 "popularity", "(simulated)", "propensity"):  # fmt: skip
        assert part in said.out
    document = json.loads(run_cli("replay", REQUEST, "--explain", "--json").out)
    (explained,) = document["explanations"]
    assert [item["item_id"] for item in explained["explanation"]["items"]] == shown


def test_a_window_is_explained_in_part_to_people_and_wholly_as_json(
    run_cli: RunCli, ports: Ports
) -> None:
    del ports
    said = run_cli("replay", *DAY, "--explain")
    assert said.out.count("final order") == 3
    assert f"and {REQUESTS - 3} more" in said.out
    document = json.loads(run_cli("replay", *DAY, "--explain", "--json").out)
    assert len(document["explanations"]) == REQUESTS


def test_a_question_that_cannot_be_answered_is_status_1_with_the_reason(
    run_cli: RunCli, ports: Ports
) -> None:
    del ports
    said = run_cli("replay", REQUEST, "--with", "model=m-nowhere", "--json")
    assert said.status == 1
    (answer,) = json.loads(said.out)["what_if"]["answers"]
    assert "m-nowhere" in answer["refusal"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "name a window or a request id"),
        (["r-1", "--sample", "3"], "one request is no sample"),
        (["--from", "2026-01-01"], "needs both --from and --to"),
        (["r-none", "--explain"], "no full record was logged there"),
        (["r-none", "--with", "model=m-1"], "no full record was logged there"),
        (["r-1", "--with", "colour=red"], "is none of model=ID"),
        (["r-1", "--with", "hotfix=fix-nowhere"], "no flag document that was ever deployed"),
        (["r-1", "--with", "hotfix=."], "no flag document"),
        (["r-1", "--ask-members"], "--ask-members needs --with model=ID"),
        (["x' OR 1=1", "--explain"], "is not an id"),
        (["r-nobody"], "no full record was logged there"),
    ],
)
def test_what_is_not_allowed_is_one_line_and_status_2(
    run_cli: RunCli, ports: Ports, wrong: list[str], message: str
) -> None:
    del ports
    said = run_cli("replay", *wrong)
    assert (said.status, said.out) == (2, "")
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1
