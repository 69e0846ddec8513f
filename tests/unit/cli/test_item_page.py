"""`item` shows one item from the lake and the incident book."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from recsysops.bootstrap import Ports
from recsysops.workflows.show_item import is_about

from tests.fakes.broken_world import BROKEN, BrokenWorld, make_incident
from tests.unit.cli.conftest import RunCli

DAY = ("--from", BROKEN.start.isoformat(), "--to", BROKEN.end.isoformat())


@pytest.mark.usefixtures("ports")
def test_an_item_is_shown_as_served_with_its_numbers(
    run_cli: RunCli, broken_world: BrokenWorld
) -> None:
    asked = "SELECT shown FROM slim_requests WHERE event_time >= timestamp '2026-03-03 00:00:00'"
    slates = [row["shown"] for row in broken_world.lake.run(asked)]
    item_id = slates[0][0]
    told = json.loads(run_cli("item", item_id, *DAY, "--json").out)
    assert told["features"]["item_id"] == item_id
    metrics = {metric["measure"]: metric for metric in told["metrics"]}
    assert set(metrics) == {"exposure_share", "play_rate", "position", "choice_rank"}
    # sixteen requests a day are too few to say anything, and the page says nothing then
    assert metrics["exposure_share"]["now"] is None
    assert item_id in run_cli("item", item_id, *DAY).out


@pytest.mark.usefixtures("ports")
def test_an_item_that_nobody_knows_and_an_id_that_is_none_are_refused(run_cli: RunCli) -> None:
    unknown = run_cli("item", "i-nobody", *DAY)
    assert (unknown.status, unknown.out) == (2, "")
    assert "no item 'i-nobody' in snapshots, requests and incidents" in unknown.err
    said = run_cli("item", "x'--", *DAY)
    assert (said.status, said.out) == (2, "")


def test_an_incident_is_about_items_in_its_findings_slices_or_diagnosis(ports: Ports) -> None:
    incident = make_incident()
    assert not is_about(incident, "i-7")
    assert is_about(replace(incident, subject="i-7"), "i-7")
    diagnosed = {"suspicions": [{"feature": "language", "item_ids": ["i-7"]}]}
    assert is_about(replace(incident, diagnosis=diagnosed), "i-7")
