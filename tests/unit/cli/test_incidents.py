"""The incident book on the command line: shown with its evidence, moved along its states."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from recsysops.bootstrap import Ports
from recsysops.cli.incident_page import read_page, render_page
from recsysops.vocabulary import Finding, Incident

from tests.fakes.broken_world import make_incident
from tests.fakes.sound_page import find_page_faults
from tests.unit.cli.conftest import RunCli

INCIDENT = make_incident().incident_id


@pytest.mark.usefixtures("ports")
def test_an_incident_is_shown_with_owner_runbook_and_story(run_cli: RunCli) -> None:
    said = run_cli("incidents", "show", INCIDENT).out
    assert INCIDENT in said
    assert "owner operations" in said
    assert "first: " in said
    assert "similar incidents: none" in said
    page = json.loads(run_cli("incidents", "show", INCIDENT, "--json").out)
    assert page["incident"]["incident_id"] == INCIDENT


def test_it_is_acknowledged_mitigated_linked_and_resolved(run_cli: RunCli, ports: Ports) -> None:
    assert "is acknowledged" in run_cli("incidents", "ack", INCIDENT, "--note", "mine").out
    assert "is mitigated" in run_cli("incidents", "mitigate", INCIDENT).out
    refused = run_cli("incidents", "resolve", INCIDENT)
    assert refused.status == 2
    assert "long-term fix" in refused.err
    run_cli("incidents", "link", INCIDENT, "https://tickets.example/7", "--landed")
    done = json.loads(run_cli("incidents", "resolve", INCIDENT, "--json").out)
    assert done["status"] == "resolved"
    assert "is reopened" in run_cli("incidents", "reopen", INCIDENT).out
    events = [line["event"] for line in ports.incidents.get(INCIDENT).timeline]
    assert events[-5:] == ["acknowledged", "mitigated", "fix_landed", "resolved", "reopened"]


def test_the_page_draws_what_findings_carry_and_escapes_what_they_say(
    run_cli: RunCli, ports: Ports, tmp_path: Path
) -> None:
    plot = {"of": "language", "slice": "all", "cells": ["en", "<ja>"],
            "reference": [0.6, 0.4], "window": [1.0, 0.0]}  # fmt: skip

    drift = Finding(
        audit="feature_drift", finding_id="f-1", component="item_features",
        metric="category_vanished", subject="language", slice={"language": "ja"}, baseline=0.4,
        observed=0.0, effect=1.0, effect_floor=0.5, p_value=0.0, alarm=True,
        evidence={"plot": plot, "sql": "SELECT '<b>'"},
    )  # fmt: skip

    def dress(incident: Incident) -> Incident:
        return replace(
            incident, title="[red]<script>[/nonsense]",
            findings=(drift, replace(drift, metric="js")),
            contributions=({"slice": {"language": "ja"}, "share": 0.9, "baseline": 0.4,
                            "observed": 0.0},),
            affected={"unit": "items", "estimate": 1234, "of": 9000, "members": 17},
        )  # fmt: skip

    ports.incidents.update(INCIDENT, dress)
    target = tmp_path / "pages" / "incident.html"
    said = run_cli("incidents", "show", INCIDENT, "--html", str(target)).out
    assert "about 1,234 of 9,000 items; 17 members" in said
    assert "[red]<script>[/nonsense]" in said, "brackets are text, no colours"
    page = target.read_text()
    assert page == render_page(read_page(INCIDENT, ports.incidents))
    assert page.count("<svg") == 1, "two findings of the same shares stand below one picture"
    assert "category_vanished of language ja: 0.4 before, 0 now; js of language ja" in page
    assert find_page_faults(page) == []
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "owner catalogue" in page
    assert "language ja" in page
    assert "SELECT &#39;&lt;b&gt;&#39;" in page
