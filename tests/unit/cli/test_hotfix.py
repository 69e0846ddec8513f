"""From an incident to a deployed hotfix and back, on memory ports."""

from __future__ import annotations

import json

import pytest
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.adapters.memory_trail import MemoryTrail
from recsysops.bootstrap import Ports
from recsysops.serving.flag_document import parse_flag_document

from tests.fakes.broken_world import REQUESTS, make_incident
from tests.unit.cli.conftest import RunCli

INCIDENT = make_incident().incident_id


@pytest.fixture
def diagnosed(run_cli: RunCli, ports: Ports) -> Ports:
    assert run_cli("diagnose", INCIDENT, "--json").status == 0
    return ports


def deployed_ids(ports: Ports) -> list[str]:
    return [one.hotfix_id for one in parse_flag_document(ports.hotfix_deployer.current()).hotfixes]


@pytest.mark.usefixtures("diagnosed")
def test_the_menu_lists_proposals_best_first_and_deploys_nothing(
    run_cli: RunCli, ports: Ports
) -> None:
    rows = json.loads(run_cli("hotfix", "menu", INCIDENT, "--json").out)
    assert [row["choice"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["kind"] == "override_feature"
    assert ports.hotfix_deployer.current() == ""


@pytest.mark.usefixtures("diagnosed")
def test_a_preview_replays_logged_requests_and_gives_a_value_or_a_reason(run_cli: RunCli) -> None:
    found = json.loads(run_cli("hotfix", "preview", INCIDENT, "--json").out)
    assert (found["replayed"], found["requests"]) == (REQUESTS, REQUESTS)
    assert (found["expected"] is None) == bool(found["refusal"])
    assert found["order"]["requests_touched"] > 0


def test_a_deployed_hotfix_mitigates_the_incident_and_undo_takes_it_back(
    run_cli: RunCli, diagnosed: Ports
) -> None:
    done = json.loads(run_cli("hotfix", "deploy", INCIDENT, "--strategy", "at-once", "--json").out)
    (hotfix_id,) = deployed_ids(diagnosed)
    assert done["document"]["hotfixes"][0]["hotfix_id"] == hotfix_id
    incident = diagnosed.incidents.get(INCIDENT)
    assert incident.status == "mitigated"
    assert incident.timeline[-1]["event"] == "hotfix_deployed"
    assert hotfix_id in incident.timeline[-1]["note"]
    listed = json.loads(run_cli("hotfix", "list", "--json").out)
    assert listed["document"]["hotfixes"][0]["incident_id"] == INCIDENT
    assert listed["deployment"]["state"] == "COMPLETE"
    assert run_cli("hotfix", "undo", hotfix_id).status == 0
    assert deployed_ids(diagnosed) == []
    reopened = diagnosed.incidents.get(INCIDENT)
    assert (reopened.status, reopened.timeline[-1]["event"]) == ("open", "hotfix_taken_back")


def test_a_share_of_members_and_a_life_are_as_asked(run_cli: RunCli, diagnosed: Ports) -> None:
    run_cli("hotfix", "deploy", INCIDENT, "--percent", "25", "--hours", "2", "--choice", "2")
    (hotfix,) = parse_flag_document(diagnosed.hotfix_deployer.current()).hotfixes
    assert (hotfix.percent, hotfix.kind) == (25.0, "mask_feature")


def test_the_kill_switch_stops_a_staged_deployment_in_its_middle(
    run_cli: RunCli, diagnosed: Ports
) -> None:
    assert run_cli("hotfix", "deploy", INCIDENT).status == 0
    assert diagnosed.hotfix_deployer.status()["state"] == "DEPLOYING"
    assert run_cli("hotfix", "kill", "--json").status == 0
    assert deployed_ids(diagnosed) == []
    assert diagnosed.incidents.get(INCIDENT).status == "open"
    assert diagnosed.hotfix_deployer.status()["state"] == "COMPLETE"
    trail = diagnosed.trail
    assert isinstance(trail, MemoryTrail)
    assert [row["action"] for row in trail.rows] == ["deploy", "kill"]


def test_a_running_deployment_is_not_overtaken_and_the_incident_stays_as_it_is(
    run_cli: RunCli, diagnosed: Ports
) -> None:
    deployer = diagnosed.hotfix_deployer
    assert isinstance(deployer, MemoryConfigDeployer)
    deployer.deploy('{"hotfixes": []}', strategy="staged", note="somebody else")
    said = run_cli("hotfix", "deploy", INCIDENT)
    assert said.status == 2
    assert len(said.err.splitlines()) == 1
    assert diagnosed.incidents.get(INCIDENT).status == "open"


@pytest.mark.usefixtures("diagnosed")
def test_a_choice_that_is_not_on_the_menu_is_refused(run_cli: RunCli) -> None:
    said = run_cli("hotfix", "deploy", INCIDENT, "--choice", "99")
    assert said.status == 2
    assert "the menu has 1 to" in said.err
